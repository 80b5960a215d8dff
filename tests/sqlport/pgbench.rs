//! pgbench through the port: every protocol, and how fast.

use super::figures::{is_wanted, note};
use super::stage::{Stage, run, said};

/// How long each measurement takes, in seconds.
const SECONDS: &str = "5";
/// Measurements of each way, taken in turns.
const TURNS: usize = 3;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pgbench_runs_in_every_protocol() {
    let stage = Stage::new().await;
    let mut prepare = stage.command("pgbench", stage.port, "dba");
    prepare.args(["-i", "-q", "-s", "1"]);
    let prepared = run(prepare).await;
    assert!(prepared.status.success(), "{}", said(&prepared));
    for protocol in ["simple", "extended", "prepared"] {
        for script in ["-S", "-N"] {
            let mut bench = stage.command("pgbench", stage.port, "dba");
            bench.args(["-n", "-c", "4", "-t", "50", "-M", protocol, script]);
            let output = run(bench).await;
            let output = said(&output);
            assert!(output.contains("actually processed: 200/200"), "{output}");
            assert!(output.contains("failed transactions: 0 "), "{output}");
        }
    }
    note("clients", "pgbench", "same");
    if is_wanted() {
        let mut rates = [0.0, 0.0];
        for _ in 0..TURNS {
            for (rate, at) in rates.iter_mut().zip([stage.direct, stage.port]) {
                let mut bench = stage.command("pgbench", at, "dba");
                bench.args(["-n", "-S", "-c", "4", "-j", "2", "-T", SECONDS]);
                *rate += tps(&said(&run(bench).await));
            }
        }
        println!("pgbench -S: {rates:?} transactions/s, {TURNS} times");
        note(
            "all",
            "pgbench_ratio",
            format!("{:.2}", rates[1] / rates[0]),
        );
    }
    stage.world.stop().await;
}

fn tps(output: &str) -> f64 {
    let line = output.lines().find_map(|line| line.strip_prefix("tps = "));
    let number = line.and_then(|line| line.split(' ').next()?.parse().ok());
    number.unwrap_or_else(|| panic!("{output}"))
}
