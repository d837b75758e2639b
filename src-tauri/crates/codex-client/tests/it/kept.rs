//! Chats that codex stores: they go on in their thread after a restart, and in codex itself.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use codex_client::{Codex, CodexConfig, KeptThreads, Role, ThreadKind, Tool, TurnRequest};
use sample_model::{Event, under_test};
use tokio::process::Command;

use crate::support::{Real, TIMEOUT, TurnOutput, collect, eventually, message, next_text, real};

/// Codex itself on the sample model, with the chats that it keeps.
struct Kept {
    real: Real,
    codex: Codex,
}

impl Kept {
    async fn start() -> Self {
        let real = real().await;
        let codex = codex(&real);
        Self { real, codex }
    }

    /// Ends codex, and starts it with what is on disk.
    async fn restart(&mut self) {
        self.codex.shutdown().await;
        self.codex = codex(&self.real);
    }

    /// A request whose messages are alternately the user's and the assistant's.
    fn request(&self, texts: &[&str]) -> TurnRequest {
        let mut request = self.real.request(ThreadKind::Agent, "");
        let roles = [Role::User, Role::Assistant].into_iter().cycle();
        request.items = texts.iter().zip(roles).map(|(text, role)| message(role, text)).collect();
        request.profile.keep = true;
        request
    }

    async fn run(&self, request: TurnRequest) -> TurnOutput {
        let output = collect(self.codex.turn(request).await.unwrap()).await;
        output.expect_success();
        output
    }

    /// Runs a turn, and returns its thread.
    async fn ask(&self, texts: &[&str]) -> String {
        let mut output = self.run(self.request(texts)).await;
        assert_eq!(output.kept.len(), 1);
        output.kept.remove(0)
    }

    /// The messages that reached the model with its last request, from the first that is a prompt of these tests.
    fn last_input(&self) -> Vec<String> {
        let input = self.real.model.requests().last().unwrap().input();
        let texts = input.into_iter().map(|(_, text)| text);
        texts.skip_while(|text| !text.starts_with("[[")).collect()
    }

    /// codex in a terminal.
    #[expect(clippy::disallowed_methods, reason = "the user starts it, not we")]
    fn terminal(&self, arguments: &[&str]) -> Command {
        let home = self.real.home.path();
        let mut codex = Command::new(under_test::codex_under_test());
        codex.args(arguments).env("HOME", home).env("CODEX_HOME", home.join(".codex"));
        codex.current_dir(&self.real.workspace).stdin(Stdio::null()).kill_on_drop(true);
        codex
    }

    fn continue_in_terminal(&self, thread: &str, prompt: &str) -> Command {
        self.terminal(&["exec", "--skip-git-repo-check", "resume", thread, prompt])
    }

    fn sessions(&self) -> Vec<PathBuf> {
        files_below(&self.real.home.path().join(".codex/sessions"))
    }
}

fn codex(real: &Real) -> Codex {
    let kept_threads = KeptThreads::in_file(real.home.path().join("data/kept-chats.json"));
    Codex::new(CodexConfig { kept_threads, ..real.agent_config.clone() })
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

const ONE: &str = "[[say=\"one\"]]";
const TWO: &str = "[[say=\"two\"]]";

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn chat_goes_on_in_its_thread_after_a_restart() {
    let mut kept = Kept::start().await;
    let thread = kept.ask(&[ONE]).await;
    kept.restart().await;
    assert_eq!(kept.ask(&[ONE, "one", TWO]).await, thread);
    // Without a restart, too.
    assert_eq!(kept.ask(&[ONE, "one", TWO, "two", "[[words=1]]"]).await, thread);
    assert_eq!(kept.last_input(), [ONE, "one", TWO, "two", "[[words=1]]"]);
    assert_eq!(kept.sessions().len(), 1);
    // A branch has no thread.
    kept.restart().await;
    let branch = kept.ask(&[ONE, "one", "[[words=2]]"]).await;
    assert_ne!(branch, thread);
    assert_eq!(kept.last_input(), [ONE, "one", "[[words=2]]"]);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn instructions_of_a_folder_are_sent_once_in_a_resumed_thread() {
    let mut kept = Kept::start().await;
    let request = |kept: &Kept, texts: &[&str]| {
        let mut request = kept.request(texts);
        request.profile.developer_instructions = Some("Answer in German.".into());
        request
    };
    let first = kept.run(request(&kept, &[ONE])).await.kept;
    kept.restart().await;
    assert_eq!(kept.run(request(&kept, &[ONE, "one", TWO])).await.kept, first);
    let input = kept.real.model.requests().last().unwrap().input();
    assert_eq!(input.iter().filter(|(_, text)| text.contains("Answer in German.")).count(), 1, "{input:?}");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn usage_of_a_resumed_thread_is_that_of_the_answer() {
    let mut kept = Kept::start().await;
    kept.ask(&["[[say=\"one\" usage=100,10,20,5]]"]).await;
    kept.restart().await;
    let output = kept
        .run(kept.request(&["[[say=\"one\" usage=100,10,20,5]]", "one", "[[words=1 usage=300,30,40,6]]"]))
        .await;
    let usage = output.expect_success().usage.unwrap();
    assert_eq!((usage.input, usage.cached, usage.output, usage.reasoning), (300, 30, 40, 6));
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn chat_is_only_continued_for_a_request_that_wants_the_same() {
    let mut kept = Kept::start().await;
    let thread = kept.ask(&[ONE]).await;
    kept.restart().await;
    let follow_up = || kept.request(&[ONE, "one", TWO]);
    let mut others = [follow_up(), follow_up(), follow_up()];
    others[0].owner = "another key".into();
    others[1].effort = Some("high".into());
    others[2].profile.no_web_search = true;
    for other in others {
        assert_ne!(kept.run(other).await.kept, [thread.as_str()]);
    }
    assert_eq!(kept.run(follow_up()).await.kept, [thread]);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn kept_chat_is_continued_in_a_terminal_and_goes_on_from_where_its_app_knows_it() {
    let kept = Kept::start().await;
    let prompt = "[[say=\"one\"]] Fix the tests\nand more";
    let thread = kept.ask(&[prompt]).await;
    // At once, although codex runs here.
    let output = kept.continue_in_terminal(&thread, "[[say=\"from the terminal\"]]").output().await.unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(kept.last_input(), [prompt, "one", "[[say=\"from the terminal\"]]"]);
    let index = kept.real.home.path().join(".codex/session_index.jsonl");
    let name = r#""thread_name":"[[say=\"one\"]] Fix the tests""#;
    let is_named = || std::fs::read_to_string(&index).is_ok_and(|index| index.contains(name));
    eventually("codex has named it", is_named).await;
    let copy = kept.ask(&[prompt, "one", TWO]).await;
    assert_ne!(copy, thread);
    assert_eq!(kept.last_input(), [prompt, "one", TWO]);
    assert_eq!(kept.ask(&[prompt, "one", TWO, "two", "[[words=1]]"]).await, copy);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn chat_that_another_codex_has_open_goes_on_in_a_copy() {
    let kept = Kept::start().await;
    let thread = kept.ask(&[ONE]).await;
    let terminal = async { kept.continue_in_terminal(&thread, "[[words=2 hold=1]]").output().await.unwrap() };
    let meanwhile = async {
        let held = kept.real.model.wait_for(|event| matches!(event, Event::Held { .. }), TIMEOUT);
        assert!(held.await.is_some());
        let copy = kept.ask(&[ONE, "one", TWO]).await;
        kept.real.model.release();
        copy
    };
    let (output, copy) = tokio::join!(terminal, meanwhile);
    assert!(output.status.success(), "{output:?}");
    assert_ne!(copy, thread);
    assert_eq!(kept.last_input(), [ONE, "one", TWO]);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn chat_whose_thread_was_archived_or_deleted_goes_on_in_a_new_one() {
    let kept = Kept::start().await;
    for (n, command) in [&["archive"][..], &["delete", "--force"]].into_iter().enumerate() {
        let first = format!("[[say=\"one\"]] {n}");
        let thread = kept.ask(&[&first]).await;
        let output = kept.terminal(&[command, &[thread.as_str()]].concat()).output().await.unwrap();
        assert!(output.status.success(), "{output:?}");
        assert_ne!(kept.ask(&[&first, "one", TWO]).await, thread);
        assert_eq!(kept.last_input(), [&first, "one", TWO]);
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn interrupted_and_failed_turns_are_not_continued() {
    let kept = Kept::start().await;
    let mut turn = kept.codex.turn(kept.request(&["[[words=2 hold=1]]"])).await.unwrap();
    assert_eq!(next_text(&mut turn).await, "word1 ");
    drop(turn);
    let first = kept.ask(&["[[words=2 hold=1]]", "word1 ", ONE]).await;
    let failed = ["[[words=2 hold=1]]", "word1 ", ONE, "one", "[[status=400]]"];
    assert!(collect(kept.codex.turn(kept.request(&failed)).await.unwrap()).await.end.unwrap().is_err());
    assert_ne!(kept.ask(&["[[words=2 hold=1]]", "word1 ", ONE, "one", TWO]).await, first);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn only_chats_of_the_agent_without_tools_and_notes_are_kept() {
    let kept = Kept::start().await;
    let mut requests = [(); 4].map(|()| kept.request(&["[[words=1]]"]));
    requests[0].profile.keep = false;
    requests[1].one_shot = true;
    requests[2].turn_instructions = Some("be brief".into());
    let tool = Tool { name: "f".into(), description: String::new(), schema: "{}".into() };
    requests[3].profile.tools = [tool].into();
    for request in requests {
        assert!(kept.run(request).await.kept.is_empty());
    }
    let mut plain = kept.request(&["[[words=1]]"]);
    plain.profile.kind = ThreadKind::Plain;
    assert!(kept.real.run(plain).await.kept.is_empty());
    assert!(kept.sessions().is_empty());
}
