// What the person is told about saving: a pure function of the state of synchronisation.

export type Status =
  | { kind: "loading" }
  | { kind: "saved" }
  | { kind: "saving"; unsaved: number }
  | { kind: "reconnecting"; unsaved: number }
  | { kind: "offline"; unsaved: number }
  | { kind: "refused"; reason: string; unsaved: number };
