//! pgbench through the port: every protocol, and how fast.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;

use super::figures::{is_wanted, note};
use super::stage::{Stage, run, said};

/// How long each measurement takes, in seconds.
const SECONDS: &str = "3";
/// Measurements of each way, taken in turns.
const TURNS: usize = 6;

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
        let ways = [stage.direct, stage.port, forwarder(stage.direct)];
        let mut rates = [0.0; 3];
        for _ in 0..TURNS {
            for (rate, at) in rates.iter_mut().zip(ways) {
                let mut bench = stage.command("pgbench", at, "dba");
                bench.args(["-n", "-S", "-c", "4", "-j", "2", "-T", SECONDS]);
                *rate += tps(&said(&run(bench).await));
            }
        }
        println!("pgbench -S: {rates:?} transactions/s, {TURNS} times");
        let [direct, port, forwarded] = rates;
        let ratio = |rate: f64| format!("{:.2}", rate / direct);
        note("all", "pgbench_ratio", ratio(port));
        note("all", "pgbench_forwarder_ratio", ratio(forwarded));
    }
    stage.world.stop().await;
}

/// Passes bytes on to `to` and looks at none of them: no port can be much faster than this.
fn forwarder(to: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its number");
    thread::spawn(move || {
        for client in listener.incoming() {
            let (client, server) = (client.expect("accepted"), TcpStream::connect(to));
            let server = server.expect("connected");
            for (mut from, mut to) in [
                (
                    client.try_clone().expect("shared"),
                    server.try_clone().expect("shared"),
                ),
                (server, client),
            ] {
                to.set_nodelay(true).expect("set");
                thread::spawn(move || {
                    // Whoever ends it ends both.
                    let _ = io::copy(&mut from, &mut to);
                    let _ = to.shutdown(Shutdown::Both);
                });
            }
        }
    });
    address
}

fn tps(output: &str) -> f64 {
    let line = output.lines().find_map(|line| line.strip_prefix("tps = "));
    let number = line.and_then(|line| line.split(' ').next()?.parse().ok());
    number.unwrap_or_else(|| panic!("{output}"))
}
