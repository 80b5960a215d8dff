//! The topology of compose.yaml: that the file says what its tools understand, and that the same runs
//! here without containers.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::kit::server::program;
use quire::dev;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn run(program: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(program);
    command.current_dir(ROOT).args(arguments);
    command.envs(variables.iter().copied());
    let output = command.output();
    output.unwrap_or_else(|error| panic!("{program}: {error}; `make tools` installs it"))
}

fn complaint(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn compose_yaml_is_valid_and_names_files_and_settings_that_exist() {
    let output = run("docker-compose", &["-f", "compose.yaml", "config"], &[]);
    assert!(output.status.success(), "{}", complaint(&output));
    let resolved = String::from_utf8(output.stdout).expect("text");
    for service in [
        "primary",
        "standby-1",
        "standby-2",
        "first",
        "second",
        "third",
        "balancer-1",
        "balancer-2",
        "prometheus",
        "grafana",
    ] {
        assert!(resolved.contains(&format!("\n  {service}:\n")), "{service}");
    }
    let mounted: BTreeSet<&str> = resolved
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- "))
        .filter_map(|line| line.strip_prefix(ROOT)?.split(':').next())
        .collect();
    assert!(!mounted.is_empty(), "{resolved}");
    for file in mounted {
        assert!(Path::new(&format!("{ROOT}{file}")).exists(), "{file}");
    }
    let help = run(&program().display().to_string(), &["serve", "--help"], &[]);
    let help = String::from_utf8(help.stdout).expect("text");
    let settings = resolved.lines().filter_map(|line| {
        let name = line.trim().split(':').next()?;
        name.starts_with("QUIRE_").then_some(name)
    });
    for name in settings.collect::<BTreeSet<_>>() {
        assert!(help.contains(&format!("[env: {name}")), "{name}");
    }
}

/// A folder with a certificate for localhost.
fn certificate() -> std::path::PathBuf {
    let folder = dev::temporary().expect("a folder");
    let made = run(
        "compose/certificate.sh",
        &[&folder.display().to_string()],
        &[],
    );
    assert!(made.status.success(), "{}", complaint(&made));
    folder
}

#[test]
fn the_balancers_understand_their_settings() {
    let folder = certificate();
    let file = |name: &str| folder.join(name).display().to_string();
    let (pem, chain) = (file("quire.pem"), file("chain.pem"));
    let variables = [
        ("BIND", "127.0.0.1:4443"),
        ("CERTIFICATE", &*pem),
        ("AUTHORITY", &*chain),
        ("NAME", "localhost"),
        ("FIRST", "10.44.0.11:4400"),
        ("SECOND", "10.44.0.12:4400"),
        ("THIRD", "10.44.0.13:4400"),
    ];
    let checked = run("haproxy", &["-c", "-f", "compose/haproxy.cfg"], &variables);
    assert!(checked.status.success(), "{}", complaint(&checked));
    assert!(
        !complaint(&checked).contains("[WARNING]"),
        "{}",
        complaint(&checked)
    );
    fs::remove_dir_all(folder).expect("it is ours");
}

#[test]
fn make_cluster_runs_the_same_here() {
    let folder = dev::temporary().expect("a folder");
    let (program, data) = (
        program().display().to_string(),
        folder.display().to_string(),
    );
    let mut cluster = Command::new("node")
        .current_dir(ROOT)
        .args(["scripts/cluster.mjs", &program, &data, "0"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("node runs");
    let output = cluster.stdout.take().expect("it is piped");
    let mut lines = BufReader::new(output).lines();
    let mut balancers = Vec::new();
    while balancers.is_empty() {
        let line = lines.next().expect("it names the balancers").expect("text");
        let words = line
            .split([' ', ','])
            .filter(|word| word.starts_with("https://"));
        if line.starts_with("The balancers are") {
            balancers = words
                .map(|word| word.trim_end_matches('.').to_owned())
                .collect();
        }
    }
    assert_eq!(balancers.len(), 2);
    let chain = folder.join("chain.pem").display().to_string();
    for balancer in &balancers {
        // Servers enter rotation when they are ready.
        let until = Instant::now() + Duration::from_secs(60);
        loop {
            let address = format!("{balancer}/readyz");
            let answer = run("curl", &["-sf", "--cacert", &chain, &address], &[]);
            if answer.status.success() {
                break;
            }
            assert!(Instant::now() < until, "{balancer} has no server");
        }
    }
    let pid = Pid::from_raw(cluster.id() as i32).expect("a process");
    kill_process(pid, Signal::INT).expect("it is ours");
    // Whatever it started ends before what it prints ends.
    lines.for_each(|line| drop(line.expect("text")));
    assert!(cluster.wait().expect("it ends").success());
    fs::remove_dir_all(folder).expect("it is ours");
}

#[test]
fn make_cluster_ends_when_quire_does_not_start() {
    let folder = dev::temporary().expect("a folder");
    let data = folder.display().to_string();
    // It ends by itself; the limit is there for one that does not.
    let script = [
        "-k",
        "1",
        "30",
        "node",
        "scripts/cluster.mjs",
        "/bin/false",
        &data,
        "0",
    ];
    let ended = run("timeout", &script, &[]);
    fs::remove_dir_all(&folder).expect("the folder goes");
    assert_eq!(ended.status.code(), Some(1), "{}", complaint(&ended));
}
