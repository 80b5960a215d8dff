// How the installation is, for whoever runs it; looks again every two seconds while it can be seen.
import { useEffect } from "react";
import { Busiest } from "./Busiest";
import { Chart } from "./Chart";
import { Replicas, Slots, Streams } from "./Database";
import { Findings } from "./Findings";
import { Servers } from "./Servers";
import { bytesText, durationText, short } from "./units";
import { useOverview } from "./useOverview";
import type { OwnAccount } from "../../api/people";
import { Link } from "../../shell/Link";
import { Loading, Message } from "../../shell/Message";
import { listPath } from "../../shell/route";
import { TopBar } from "../../shell/TopBar";

export function AdminPage({ account }: { account: OwnAccount }) {
  const watch = useOverview();
  useEffect(() => {
    document.title = "Administration · Quire";
  }, []);
  if (watch.kind === "looking") return <Loading what="Looking at the servers…" />;
  if (watch.kind === "unknown") {
    return (
      <Message
        title="There is no page at this address"
        actions={<Link to={listPath} className="button primary">Go to your documents</Link>}
      />
    );
  }
  return (
    <>
      <TopBar account={account} />
      <main className="page wide">
        <div className="page-head">
          <h1>Administration</h1>
          <Link to={listPath} className="button">Documents</Link>
        </div>
        {watch.kind === "failed" && <p className="banner problem" role="alert">{watch.problem}</p>}
        {watch.kind === "seen" && (
          <>
            {watch.problem !== null && (
              <p className="banner problem" role="alert">What is shown is old: {watch.problem}</p>
            )}
            <Findings findings={watch.overview.findings} isOld={watch.problem !== null} />
            <div className="charts">
              <Chart title="Edits" points={watch.trends.edits} text={(value) => `${short(value)}/s`} least={1} />
              <Chart title="Log written" points={watch.trends.wal} text={(value) => `${bytesText(value)}/s`} least={10_240} unit={1024} />
              <Chart title="Longest lag" points={watch.trends.lag} text={durationText} least={100} />
            </div>
            <Servers servers={watch.overview.servers} nowMs={watch.overview.at_ms} />
            <Replicas overview={watch.overview} />
            <Slots slots={watch.overview.slots} />
            <Streams streams={watch.overview.streams} />
            <Busiest overview={watch.overview} />
          </>
        )}
      </main>
    </>
  );
}
