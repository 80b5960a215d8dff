//! The examples of docs/api.md, run as they stand: what each prints is what the page says.

use super::site::Visitor;
use crate::kit::server::World;
use serde_json::json;
use std::process::Command;

const PAGE: &str = include_str!("../../docs/api.md");

#[tokio::test(flavor = "multi_thread")]
async fn the_examples_of_the_page_do_what_they_say() {
    let world = World::with_servers(1).await;
    let address = world.servers[0].address();
    let owner = Visitor {
        address,
        token: Some(world.office.owner.token.reveal()),
        org_id: world.office.org_id,
        account_id: world.office.owner.session.account_id,
    };
    let wish = json!({"name": "examples", "scopes": ["read", "write", "admin"], "days": 1});
    let made = owner.post("/api/v1/me/tokens", wish).await.json();
    let (script, said) = script(PAGE);
    assert!(!script.is_empty() && !said.is_empty());
    let mut command = Command::new("bash");
    command
        .args(["-euo", "pipefail", "-c", &script])
        .env("QUIRE", format!("http://{address}"))
        .env("TOKEN", made["token"].as_str().unwrap())
        .env("ORG", owner.org_id.to_string());
    let run = tokio::task::spawn_blocking(move || command.output());
    let output = run.await.unwrap().expect("bash and curl are there");
    let printed = String::from_utf8_lossy(&output.stdout);
    // An answer need not end with a line's end.
    let lines = |text: &str| -> Vec<String> {
        let lines = text.lines().filter(|line| !line.trim().is_empty());
        lines.map(str::to_owned).collect()
    };
    assert!(output.status.success(), "{script}\n{output:?}");
    assert_eq!(lines(&printed), lines(&said));
    world.stop().await;
}

/// The commands of the page, and what it says that they print: what is indented after the first.
fn script(page: &str) -> (String, String) {
    let (mut script, mut said) = (String::new(), String::new());
    let mut is_script = false;
    for line in page.lines() {
        match line {
            "```sh" => is_script = true,
            "```" => {
                is_script = false;
                script.push_str("echo\n");
            }
            _ if is_script => script.push_str(&format!("{line}\n")),
            _ => {
                if let Some(line) = line.strip_prefix("    ").filter(|_| !script.is_empty()) {
                    said.push_str(&format!("{line}\n"));
                }
            }
        }
    }
    (script, said)
}
