// The history beside an open document: whether it is open, and which moment is looked at.
import { useCallback, useMemo, useState } from "react";
import { toldApart } from "./colors";
import { past, type Blame, type Comparison, type Kept, type Moment, type Past, type Sitting, type Version } from "../../api/history";
import { wordsOf } from "../../api/request";
import { useLoaded, type Loading } from "../../shell/useLoaded";

/** What is looked at in the place of the document. */
export type Looking =
  | { kind: "now" }
  | { kind: "sitting"; sitting: Sitting }
  | { kind: "version"; version: Version };

/** The page of the moment that is looked at. */
export interface Shown {
  comparison: Comparison;
  /** Who wrote what; null: not asked for. */
  blame: Blame | null;
}

export interface History {
  isOpen: boolean;
  looking: Looking;
  isBlaming: boolean;
  /** Whether a moment stands in the place of the document. */
  isLookingBack: boolean;
  act: Past;
  sittings: Loading<readonly Sitting[]>;
  /** Null: not read yet. */
  kept: Kept | null;
  /** Null: all are shown. */
  showOlder: (() => void) | null;
  /** Why the older ones could not be read. */
  olderProblem: string | null;
  versions: Loading<Version[]>;
  page: Loading<Shown | null>;
  toggle: () => void;
  close: () => void;
  look: (looking: Looking) => void;
  blame: (isBlaming: boolean) => void;
  /** Reads all of it again: something was done. */
  reload: () => void;
}

const NOW: Looking = { kind: "now" };

/** How requests name what is looked at. */
export function momentOf(looking: Looking): Moment {
  switch (looking.kind) {
    case "now":
      return "now";
    case "sitting":
      return looking.sitting.last_edit;
    case "version":
      return looking.version.version_id;
  }
}

export function useHistory(orgId: string, documentId: string): History {
  const act = useMemo(() => past(orgId, documentId), [orgId, documentId]);
  const [isOpen, setOpen] = useState(false);
  const [looking, setLooking] = useState<Looking>(NOW);
  const [isBlaming, setBlaming] = useState(false);
  const [older, setOlder] = useState<{ sittings: Sitting[]; next: string | null } | null>(null);
  const [olderProblem, setOlderProblem] = useState<string | null>(null);
  const isLookingBack = isOpen && (looking.kind !== "now" || isBlaming);

  const first = useLoaded(useCallback(async () => (isOpen ? act.sittings(null) : null), [act, isOpen]));
  const versions = useLoaded(useCallback(async () => (isOpen ? act.versions() : []), [act, isOpen]));
  const page = useLoaded(
    useCallback(async (): Promise<Shown | null> => {
      if (!isLookingBack) return null;
      const to = momentOf(looking);
      const from = looking.kind === "sitting" && !isBlaming ? `before:${looking.sitting.first_edit}` : to;
      const [comparison, blame] = await Promise.all([act.compare(from, to), isBlaming ? act.blame(to) : null]);
      return { comparison: { ...comparison, authors: toldApart(comparison.authors) }, blame };
    }, [act, looking, isBlaming, isLookingBack]),
  );

  const part = first.state.kind === "loaded" ? first.state.value : null;
  const sittings = useMemo((): Loading<readonly Sitting[]> => {
    const state = first.state.kind === "loaded" ? { kind: "loaded" as const, value: [...(part?.sittings ?? []), ...(older?.sittings ?? [])] } : first.state;
    return { state, reload: first.reload, show: () => undefined };
  }, [first, part, older]);
  const next = older === null ? (part?.next ?? null) : older.next;
  const showOlder = (): void => {
    if (next === null) return;
    act.sittings(next).then(
      (more) => {
        setOlderProblem(null);
        setOlder((known) => ({ sittings: [...(known?.sittings ?? []), ...more.sittings], next: more.next }));
      },
      (error: unknown) => { setOlderProblem(wordsOf(error)); },
    );
  };
  const close = (): void => {
    setOpen(false);
    setLooking(NOW);
    setBlaming(false);
    setOlder(null);
  };
  return {
    isOpen,
    looking,
    isBlaming,
    isLookingBack,
    act,
    sittings,
    kept: part?.kept ?? null,
    showOlder: next === null ? null : showOlder,
    olderProblem,
    versions,
    page,
    toggle: () => {
      if (isOpen) close();
      else setOpen(true);
    },
    close,
    look: setLooking,
    blame: setBlaming,
    reload: () => {
      setOlder(null);
      first.reload();
      versions.reload();
      page.reload();
    },
  };
}
