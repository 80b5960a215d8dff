// Marks between Loro's text attributes and ProseMirror: what is shown for raw attributes, and under which
// key a mark is stored. A mark that this schema does not know is carried as an "unknownMark".
import { Mark } from "@tiptap/pm/model";
import type { Attrs, MarkType, NodeType, Schema } from "@tiptap/pm/model";
import type { Value } from "loro-crdt";
import { isRecord } from "./mirror";
import type { Attributes } from "./model";
import { UNKNOWN_MARK } from "./unknown";

/** The marks that are shown for a text's raw attributes inside `parent` (null: wherever it stands). */
export function shownMarks(schema: Schema, attributes: Attributes | undefined, parent: NodeType | null): readonly Mark[] {
  if (attributes === undefined) return Mark.none;
  const marks: Mark[] = [];
  for (const [key, value] of Object.entries(attributes)) {
    const mark = value == null ? null : markOf(schema, key, value);
    if (mark !== null) marks.push(mark);
  }
  // In the schema's order, so that marks which exclude each other come out the same on every client.
  marks.sort((a, b) => rank(schema, a.type) - rank(schema, b.type));
  const set = marks.reduce<readonly Mark[]>((shown, mark) => mark.addToSet(shown), Mark.none);
  return parent === null ? set : parent.allowedMarks(set);
}

function rank(schema: Schema, type: MarkType): number {
  return Object.keys(schema.marks).indexOf(type.name);
}

function markOf(schema: Schema, key: string, value: Value): Mark | null {
  const type = schema.marks[key] ?? severalOf(schema, key);
  try {
    if (type !== undefined) return type.create(validAttributes(type.spec.attrs, value));
  } catch {
    // An attribute that has no default is missing: carried like an unknown mark.
  }
  return schema.marks[UNKNOWN_MARK]?.create({ key, value }) ?? null;
}

/** A mark of which one text may carry several (a comment) is stored under its name, ":" and its id. */
function severalOf(schema: Schema, key: string): MarkType | undefined {
  const colon = key.indexOf(":");
  const type = colon < 0 ? undefined : schema.marks[key.slice(0, colon)];
  return type !== undefined && !type.excludes(type) ? type : undefined;
}

export function markKey(mark: Mark): string {
  if (mark.type.name === UNKNOWN_MARK) return String(mark.attrs["key"]);
  if (mark.type.excludes(mark.type)) return mark.type.name;
  const id: unknown = mark.attrs["id"];
  return `${mark.type.name}:${typeof id === "string" ? id : JSON.stringify(mark.attrs)}`;
}

export function markValue(mark: Mark): Value {
  return mark.type.name === UNKNOWN_MARK ? (mark.attrs["value"] as Value) : storedAttributes(mark.attrs);
}

/** Attributes as they are stored: null means absent. */
export function storedAttributes(attrs: Attrs): Attributes {
  const given: Partial<Attributes> = attrs;
  const stored: Attributes = {};
  for (const [name, value] of Object.entries(given)) {
    if (value !== null && value !== undefined) stored[name] = value;
  }
  return stored;
}

/** Whether this schema can show a mark of that key; the others are never touched. */
export function isKnownKey(schema: Schema, key: string): boolean {
  return schema.marks[key] !== undefined || severalOf(schema, key) !== undefined;
}

type AttributeSpecs = Record<string, { validate?: string | ((value: unknown) => void) }> | undefined;

/** The attributes that the schema declares, each checked by its `validate`; a bad one falls to its default. */
export function validAttributes(specs: AttributeSpecs, value: unknown): Attrs | null {
  if (!isRecord(value) || specs === undefined) return null;
  const attrs: Record<string, unknown> = {};
  for (const [name, spec] of Object.entries(specs)) {
    const given = value[name];
    if (given !== undefined && given !== null && isValid(spec.validate, given)) attrs[name] = given;
  }
  return attrs;
}

function isValid(validate: string | ((value: unknown) => void) | undefined, value: unknown): boolean {
  if (validate === undefined) return true;
  if (typeof validate === "string") return validate.split("|").includes(typeof value);
  try {
    validate(value);
    return true;
  } catch {
    return false;
  }
}
