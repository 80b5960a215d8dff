// What is wrong, the worst first, each with its mend.
import type { Finding } from "../../api/overview";
import { Section } from "../../shell/Section";

export function Findings({ findings }: { findings: readonly Finding[] }) {
  return (
    <Section title="Findings">
      <div aria-live="polite">
        {findings.length === 0
          ? <p className="finding-none"><span className="dot good" />All is well.</p>
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
