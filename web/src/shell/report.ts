// Failures that nobody can act on in the page: told to whoever looks into the browser's console.

export function reportFailure(error: unknown): void {
  console.error("Quire:", error);
}
