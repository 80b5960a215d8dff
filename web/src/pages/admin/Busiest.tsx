// Where most is written now. Ids only: titles are for those who may read the documents.
import { Table } from "./Table";
import { bytesText, short } from "./units";
import type { Overview } from "../../api/overview";
import { Section } from "../../shell/Section";

export function Busiest({ overview: { documents, organisations } }: { overview: Overview }) {
  const figures = ({ edits, bytes }: { edits: number; bytes: number }): string[] => [short(edits), bytesText(bytes)];
  return (
    <>
      <Section title="Busiest documents" about="By edits in the last minute.">
        <Table
          label="Busiest documents"
          columns={["Document", "Organisation", "#Edits", "#Bytes"]}
          rows={documents.map((each) => ({
            key: `${each.org_id}/${each.document_id}`,
            cells: [<code key="document">{each.document_id}</code>, <code key="org">{each.org_id}</code>, ...figures(each)],
          }))}
          none="Nobody has written in the last minute."
        />
      </Section>
      <Section title="Busiest organisations" about="By edits in the last minute.">
        <Table
          label="Busiest organisations"
          columns={["Organisation", "#Edits", "#Bytes"]}
          rows={organisations.map((each) => ({ key: each.org_id, cells: [<code key="org">{each.org_id}</code>, ...figures(each)] }))}
          none="Nobody has written in the last minute."
        />
      </Section>
    </>
  );
}
