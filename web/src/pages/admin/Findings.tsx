// What is wrong, the worst first, each with its mend.
import type { Finding } from "../../api/overview";
import { Section } from "../../shell/Section";

export interface FindingsProps {
  findings: readonly Finding[];
  /** Nobody answers any more: what was found before says nothing of now. */
  isOld: boolean;
}

export function Findings({ findings, isOld }: FindingsProps) {
  const none = isOld
    ? <p className="finding-none"><span className="dot" />All was well when it was last seen.</p>
    : <p className="finding-none"><span className="dot good" />All is well.</p>;
  return (
    <Section title="Findings">
      <div aria-live="polite">
        {findings.length === 0
          ? none
          : (
            <ul className="findings">
              {findings.map((finding) => <FindingRow key={`${finding.check} ${stem(finding.says)}`} finding={finding} />)}
            </ul>
          )}
      </div>
    </Section>
  );
}

function FindingRow({ finding: { severity, says, mend, check } }: { finding: Finding }) {
  return (
    <li className={`finding ${severity}`}>
      <p>
        <strong className="finding-kind">{severity === "error" ? "Error" : "Warning"}</strong> {says}
      </p>
      <p className="fine">{mend} <code>{check}</code></p>
    </li>
  );
}

/** The figures of a finding change from look to look; it stays the same one. */
function stem(says: string): string {
  return says.replace(/\d+(\.\d+)?/g, "0");
}
