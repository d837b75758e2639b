//! A question as text. Its own texts have nothing invisible in them; their lines are marked, so that none looks like one of ours.

use std::fmt::Write as _;

use proxy::approvals::{Approval, ApprovalQuestion};
use proxy::changes::FileAction;
use proxy::local_time;

/// All of it, in lines. `more` is how many further ones wait; `now` in Unix seconds.
pub(super) fn description(approval: &Approval, more: usize, now: u64) -> String {
    let mut text = format!("\n{}", title(&approval.question));
    if more > 0 {
        let _ = write!(text, " ({more} more waiting)");
    }
    text.push('\n');
    let app = match approval.key.as_str() {
        "" => approval.client.clone(),
        key => format!("{} with the key {key:?}", approval.client),
    };
    let facts = [
        ("App", app.as_str()),
        ("Model", &approval.model),
        ("Folder", &approval.folder),
        ("Why", approval.reason.as_deref().unwrap_or_default()),
    ];
    for (name, value) in facts {
        // One line, whatever it is.
        let value = value.replace('\n', " ");
        if !value.is_empty() {
            let _ = writeln!(text, "  {:8}{value}", format!("{name}:"));
        }
    }
    body(&mut text, &approval.question);
    let until = local_time(approval.expires_at / 1000, now);
    let _ = writeln!(text, "  Denied at {until} without an answer.");
    text
}

fn title(question: &ApprovalQuestion) -> String {
    match question {
        ApprovalQuestion::Command { outside_sandbox: true, .. } => {
            "Codex asks to run a command outside the sandbox, with your rights".to_owned()
        }
        ApprovalQuestion::Command { .. } => "Codex asks to run a command".to_owned(),
        ApprovalQuestion::FileChange { files, .. } => match files.len() {
            1 => "Codex asks to change a file".to_owned(),
            count => format!("Codex asks to change {count} files"),
        },
        ApprovalQuestion::Permissions { .. } => {
            "Codex asks for more permissions, until this answer ends".to_owned()
        }
        ApprovalQuestion::Input { .. } => "Codex asks you a question".to_owned(),
        ApprovalQuestion::Form { server, .. } => format!("The MCP server {server:?} asks"),
        ApprovalQuestion::Url { server, .. } => format!("The MCP server {server:?} asks to open a page"),
    }
}

fn body(text: &mut String, question: &ApprovalQuestion) {
    match question {
        ApprovalQuestion::Command { command, also, .. } => {
            quote(text, command);
            for line in also {
                let _ = writeln!(text, "  Also:   {}", line.replace('\n', " "));
            }
        }
        ApprovalQuestion::FileChange { files, folder_granted } => {
            for file in files {
                let what = match file.what {
                    FileAction::Added => "New",
                    FileAction::Deleted => "Deleted",
                    FileAction::Changed => "Changed",
                    FileAction::Renamed => "Renamed",
                };
                let _ = writeln!(text, "  {:8}{}", format!("{what}:"), file.path.replace('\n', " "));
                quote(text, &file.diff);
            }
            if let Some(folder) = folder_granted {
                let _ = writeln!(
                    text,
                    "  Also:   Change everything in {} from then on",
                    folder.replace('\n', " ")
                );
            }
        }
        ApprovalQuestion::Permissions { wants } => quote(text, &wants.join("\n")),
        ApprovalQuestion::Input { questions } => {
            for question in questions {
                quote(text, &question.question);
            }
        }
        ApprovalQuestion::Form { message, .. } => quote(text, message),
        ApprovalQuestion::Url { message, url, .. } => {
            quote(text, message);
            quote(text, url);
        }
    }
}

fn quote(text: &mut String, quoted: &str) {
    for line in quoted.lines() {
        let _ = writeln!(text, "  | {line}");
    }
}
