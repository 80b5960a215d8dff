// A table that scrolls sideways within its section where the window is narrow.
import type { ReactNode } from "react";

export interface TableProps {
  label: string;
  /** Headings; those that begin with # stand over figures. */
  columns: readonly string[];
  rows: readonly { key: string; cells: readonly ReactNode[] }[];
  /** What is said when there is no row. */
  none: string;
}

export function Table({ label, columns, rows, none }: TableProps) {
  if (rows.length === 0) return <p className="quiet">{none}</p>;
  const side = columns.map((column) => (column.startsWith("#") ? "figure" : undefined));
  return (
    <div className="table-scroll" role="region" aria-label={label} tabIndex={0}>
      <table className="table">
        <thead>
          <tr>
            {columns.map((column, index) => (
              <th key={column} scope="col" className={side[index]}>{column.replace(/^#/, "")}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ key, cells }) => (
            <tr key={key}>
              {cells.map((cell, index) => <td key={columns[index]} className={side[index]}>{cell}</td>)}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export function State({ tone, children }: { tone: "good" | "warn" | "bad"; children: ReactNode }) {
  return <span className="state"><span className={`dot ${tone}`} />{children}</span>;
}
