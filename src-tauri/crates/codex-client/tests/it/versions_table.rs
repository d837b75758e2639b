//! Compares the table in docs/codex-versions.md with probed versions. `CODEX_TEST_WRITE_TABLE=1` writes the rows of the
//! tested versions instead.

use codex_client::{Role, Status};
use sample_model::under_test;

use crate::support::{Real, message, real_with_binary};
use crate::versions::{binaries, conversation};

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn documented_table_matches_the_probed_versions() {
    let path = under_test::absolute(env!("CARGO_MANIFEST_DIR")).join("../../../docs/codex-versions.md");
    let mut rows = Vec::new();
    for binary in binaries() {
        let real = real_with_binary(&binary).await;
        let row = row(&real).await;
        rows.push(row);
        real.codex.shutdown().await;
    }
    let text = std::fs::read_to_string(&path).unwrap();
    let lines = rows.join("\n");
    if std::env::var_os("CODEX_TEST_WRITE_TABLE").is_some() {
        let first = |row: &str| row.split('|').nth(1).unwrap_or_default().to_owned();
        let known: Vec<String> = rows.iter().map(|row| first(row)).collect();
        let (before, after) = text.split_once(HEADING).expect("docs/codex-versions.md has no such table");
        let (table, after) = after.split_once("\n\n").unwrap();
        let mut all: Vec<String> = table
            .lines()
            .filter(|row| row.starts_with('|') && !known.contains(&first(row)))
            .map(str::to_owned)
            .collect();
        all.extend(rows);
        all.sort_by_key(|row| {
            first(row).trim().split('.').map(|n| n.parse().unwrap_or(0)).collect::<Vec<u32>>()
        });
        std::fs::write(&path, format!("{before}{HEADING}\n{}\n\n{after}", all.join("\n"))).unwrap();
    } else {
        for row in &rows {
            assert!(
                text.contains(row),
                "docs/codex-versions.md lacks this row (CODEX_TEST_WRITE_TABLE=1 writes it):\n{lines}"
            );
        }
    }
}

const HEADING: &str = "| codex | answers come | earlier messages | the client's tools | pictures | lists its models | asks | asks questions | added to a plain model's prompt |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- |";

/// The row of a version: its capabilities, and what it adds to a plain model's prompt.
async fn row(real: &Real) -> String {
    real.codex.ready().await.unwrap();
    let Status::Ready(readiness) = real.codex.status().borrow().clone() else { panic!("not ready") };
    let can = readiness.capabilities;
    real.run(conversation(
        real,
        vec![message(Role::Developer, "be brief"), message(Role::User, "[[words=1]]")],
    ))
    .await
    .expect_success();
    let request = real.model.requests()[0].clone();
    let mut added: Vec<String> = request.tools().iter().map(|tool| format!("`{tool}`")).collect();
    for (role, text) in request.input() {
        let addition = match text.as_str() {
            "be brief" | "[[words=1]]" => continue,
            text if text.starts_with("<environment_context>") => "the folder",
            text if text.starts_with("<permissions") => "the sandbox",
            text if text.contains("## Skills") || text.starts_with("<skills") => "skills",
            _ => role.as_str(),
        };
        added.push(addition.to_owned());
    }
    let yes = |can: bool| if can { "yes" } else { "no" };
    let added = if added.is_empty() { "nothing".to_owned() } else { added.join(", ") };
    format!(
        "| {} | {} | {} | {} | {} | {} | {} | {} | {added} |",
        readiness.version,
        if can.threads { "word by word" } else { "as one block" },
        if can.inject_items { "with their roles" } else { "as one marked text" },
        yes(can.tools()),
        yes(can.images()),
        yes(!real.codex.models().await.unwrap().is_empty()),
        yes(can.ask),
        yes(can.ask_questions),
    )
}
