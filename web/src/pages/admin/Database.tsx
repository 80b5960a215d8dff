// The database: its primary, replicas, who is sent the log, and the slots that keep it.
import { State, Table } from "./Table";
import { bytesText, durationText } from "./units";
import type { Overview, Replica, Slot, Stream } from "../../api/overview";
import { Section } from "../../shell/Section";

export function Replicas({ overview: { primary, replicas } }: { overview: Overview }) {
  const about = primary === null
    ? "No primary answers."
    : `The primary is ${primary.host}, at ${primary.position} of timeline ${primary.timeline.toString()}.`;
  return (
    <Section title="Replicas" about={about}>
      <Table
        label="Replicas"
        columns={["Host", "State", "#Behind", "#Lag", "Replayed"]}
        rows={replicas.map((replica) => ({
          key: replica.host,
          cells: [replica.host, stateOf(replica), bytesOf(replica.behind_bytes), lagOf(replica.lag_ms), replica.replayed ?? "–"],
        }))}
        none="DATABASE_URL names no other host."
      />
    </Section>
  );
}

function stateOf(replica: Replica) {
  if (!replica.is_reachable) return <State tone="bad">Does not answer</State>;
  if (replica.is_paused) return <State tone="bad">Paused</State>;
  if (!replica.is_receiving) return <State tone="bad">Not connected</State>;
  return <State tone="good">Following</State>;
}

export function Streams({ streams }: { streams: readonly Stream[] }) {
  return (
    <Section title="Who is sent the log">
      <Table
        label="Who is sent the log"
        columns={["Receiver", "Kind", "State", "#Not confirmed", "#Lag", "Sent by"]}
        rows={streams.map((stream, index) => ({
          key: index.toString(),
          cells: [
            `${stream.name} (${stream.address})`,
            stream.is_logical ? "server" : `standby${stream.sync_state === null ? "" : `, ${stream.sync_state}`}`,
            stream.state ?? "–",
            bytesOf(stream.behind_bytes),
            lagOf(stream.lag_ms),
            stream.host,
          ],
        }))}
        none="Nobody."
      />
    </Section>
  );
}

export function Slots({ slots }: { slots: readonly Slot[] }) {
  return (
    <Section title="Replication slots" about="Each keeps log on the database's disk until its reader has it.">
      <Table
        label="Replication slots"
        columns={["Slot", "State", "#Retained", "Kind"]}
        rows={slots.map((slot) => ({
          key: slot.name,
          cells: [
            slot.name,
            slot.is_active ? <State tone="good">Active</State> : <State tone="bad">Nobody reads it</State>,
            bytesText(slot.retained_bytes),
            `${slot.is_temporary ? "temporary, " : ""}${slot.is_logical ? "logical" : "physical"}`,
          ],
        }))}
        none="There is none."
      />
    </Section>
  );
}

function bytesOf(bytes: number | null): string {
  return bytes === null ? "–" : bytesText(bytes);
}

function lagOf(ms: number | null): string {
  return ms === null ? "–" : durationText(ms);
}
