// The servers, as their heartbeats describe them.
import { State, Table } from "./Table";
import { bytesText, durationText, short } from "./units";
import type { Standing } from "../../api/overview";
import { Section } from "../../shell/Section";

export function Servers({ servers, nowMs }: { servers: readonly Standing[]; nowMs: number }) {
  return (
    <Section title="Servers" about="What each of them said of itself in its last heartbeat.">
      <Table
        label="Servers"
        columns={["Server", "State", "#Last heard", "#Connections", "#Documents", "#Committed", "#Delivered", "#Lag", "Log from", "Version", "#Up for"]}
        rows={servers.map((server) => ({ key: `${server.server_id} ${server.address}`, cells: cellsOf(server, nowMs) }))}
        none="No server is heard of."
      />
    </Section>
  );
}

function cellsOf(server: Standing, nowMs: number) {
  const { vitals } = server;
  const heard = server.is_asked ? "now" : `${durationText(server.heard_ms)} ago`;
  const name = (
    <>
      {server.address.replace(/^https?:\/\//, "")}
      {server.is_asked && <small className="fine"> answers this page</small>}
    </>
  );
  if (vitals === null) return [name, stateOf(server), heard, "–", "–", "–", "–", "–", "–", "–", "–"];
  return [
    name,
    stateOf(server),
    heard,
    short(vitals.connections),
    `${short(vitals.documents)} · ${bytesText(vitals.document_bytes)}`,
    `${short(vitals.committed_10s / 10)}/s`,
    `${short(vitals.delivered_10s / 10)}/s`,
    `${durationText(vitals.lag_ms)} · ${bytesText(vitals.behind_bytes)}`,
    vitals.source === "" ? "nobody" : vitals.source,
    vitals.version,
    durationText(Math.max(0, nowMs - vitals.started_at * 1000)),
  ];
}

function stateOf({ state, vitals }: Standing) {
  switch (state) {
    case "ready":
      return <State tone="good">Ready</State>;
    case "draining":
      return <State tone="warn">Draining</State>;
    case "silent":
      return <State tone="bad">Silent</State>;
    case "not_ready":
      return <State tone="bad">Not ready{vitals?.not_ready == null ? "" : `: ${vitals.not_ready}`}</State>;
  }
}
