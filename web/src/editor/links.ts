// Which addresses a link may have. Checked where a link is made, pasted, shown and opened: what another
// client wrote into the document is no more trusted than what is pasted.

const ALLOWED = /^(https?:\/\/[^\s]+|mailto:[^\s]+)$/i;
const SCHEME = /^[a-z][a-z0-9+.-]*:/i;
const DOMAIN = /^[^\s/@:]+\.[a-z]{2,}([/?#:][^\s]*)?$/i;
const EMAIL = /^[^\s/@:]+@[^\s/@:]+\.[a-z]{2,}$/i;

export function isAllowedHref(href: unknown): href is string {
  return typeof href === "string" && ALLOWED.test(href);
}

/** What somebody typed, as an address: a scheme is added to a bare domain or mail address. Null: no address. */
export function hrefOf(typed: string): string | null {
  const text = typed.trim();
  if (ALLOWED.test(text)) return text;
  if (EMAIL.test(text)) return `mailto:${text}`;
  return DOMAIN.test(text) && (!SCHEME.test(text) || /^[^:]+:\d/.test(text)) ? `https://${text}` : null;
}
