//! What `run --demo` puts around the program: a stand-in model, a codex home of its own, and a key to try it with.
//!
//! Nothing of the person's is read or written, and nothing stays: `beside` clears up. The stand-in itself is the crate
//! `sample-model`; what codex is told of it is the one file written here.

pub(crate) mod sidecar;

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::process::{self, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::child;
use crate::codex;
use crate::workspace;

/// The key of a demo. It guards a stand-in on loopback, so it may be known to all.
const KEY: &str = "sk-demo";
/// What stands before the stand-in's address on the line it prints when ready.
const READY: &str = "listening on ";
/// The stand-in binds a port and does nothing else before it is ready.
const READY_LIMIT: Duration = Duration::from_secs(30);

/// A demo under way. On Unix it outlives this value, which is gone as soon as this process becomes the program.
pub(crate) struct Demo {
    /// Its end is how `beside` learns of ours, on systems where it cannot see who its parent is.
    _leash: Option<ChildStdin>,
}

impl Demo {
    /// Starts what stands beside the program, which may be the desktop app, and tells the program of it.
    pub(crate) fn prepare(program: &mut Command, args: &[OsString], desktop: bool) -> Result<Self> {
        let codex = codex::installed(codex::DEFAULT_VERSION)?;
        let folder = workspace::target()?.join("demo").join(process::id().to_string());
        let home = folder.join("codex-home");
        fs::create_dir_all(&home).with_context(|| format!("{} cannot be made", home.display()))?;
        let mut beside = sidecar::start(&folder)?;
        let model = address(&child::read_lines(beside.stdout.take().context("a piped stdout is there")?))?;
        fs::write(home.join("config.toml"), config(&model))
            .context("the demo's config.toml cannot be written")?;

        // codex does not set up its sandbox for a home below the temporary folder, and this checkout may lie in the system's.
        let temp = folder.join("tmp");
        fs::create_dir_all(&temp).with_context(|| format!("{} cannot be created", temp.display()))?;
        program.env("CODEX_HOME", &home).env("TMPDIR", temp).env("CODEX_PATH", codex);
        // A machine behind an HTTP proxy would otherwise send codex's requests to the stand-in through that.
        program.env("NO_PROXY", "127.0.0.1,localhost");
        let port = given(args, "--port").or_else(|| env::var("PORT").ok());
        if given(args, "--data-dir").is_none() {
            let data = folder.join("data");
            if let Some(port) = port.as_ref().filter(|_| desktop) {
                // The desktop app takes its port from its settings, where the window can change it.
                fs::create_dir_all(&data).with_context(|| format!("{} cannot be made", data.display()))?;
                let settings = format!("{{\"version\":1,\"port\":{port}}}");
                fs::write(data.join("settings.json"), settings)
                    .context("the demo's settings cannot be written")?;
            }
            program.arg("--data-dir").arg(data);
        }
        let own_keys = env::var_os("API_KEYS").is_some_and(|keys| !keys.is_empty());
        if !own_keys {
            program.env("API_KEYS", KEY);
        }
        let port = port.unwrap_or_else(|| "8000".to_owned());
        let key = if own_keys { "YOUR-KEY" } else { KEY };
        println!("\nWhen it is listening, try it from another terminal:\n\n{}\n", curl(&port, key));
        Ok(Self { _leash: beside.stdin.take() })
    }
}

/// Waits for the stand-in's one line, for as long as that may take and no longer.
fn address(lines: &Receiver<Vec<u8>>) -> Result<String> {
    let deadline = Instant::now() + READY_LIMIT;
    loop {
        match lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(line) => {
                if let Some(address) = String::from_utf8_lossy(&line).trim().strip_prefix(READY) {
                    return Ok(address.trim_end_matches('/').to_owned());
                }
            }
            Err(RecvTimeoutError::Disconnected) => bail!("the stand-in model ended before it was ready"),
            Err(RecvTimeoutError::Timeout) => {
                bail!("the stand-in model was not ready within {READY_LIMIT:?}")
            }
        }
    }
}

/// A codex configuration that needs no account, because its only model is the stand-in.
fn config(model: &str) -> String {
    format!(
        "model = \"gpt-5.5\"\n\
         model_provider = \"mock\"\n\
         \n\
         [model_providers.mock]\n\
         name = \"mock\"\n\
         base_url = \"{model}/v1\"\n\
         wire_api = \"responses\"\n"
    )
}

/// The value of `--name value` or `--name=value` among the program's arguments.
fn given(args: &[OsString], name: &str) -> Option<String> {
    let mut words = args.iter().map(|word| word.to_string_lossy());
    while let Some(word) = words.next() {
        if word == name {
            return words.next().map(std::borrow::Cow::into_owned);
        }
        if let Some(value) = word.strip_prefix(name).and_then(|rest| rest.strip_prefix('=')) {
            return Some(value.to_owned());
        }
    }
    None
}

fn curl(port: &str, key: &str) -> String {
    // Port 0 is chosen by the system, and only the program's own line says which it became.
    let port = if port == "0" { "PORT" } else { port };
    let body = r#"{"model":"codex-local","stream":true,"messages":[{"role":"user","content":"Say hello"}]}"#;
    if cfg!(windows) {
        // Neither of Windows' shells takes single quotes the way curl needs them, so the body's own are escaped.
        let body = body.replace('"', "\\\"");
        return format!(
            "curl.exe -N http://127.0.0.1:{port}/v1/chat/completions -H \"Authorization: Bearer {key}\" \
             -H \"Content-Type: application/json\" -d \"{body}\""
        );
    }
    format!(
        "curl -N http://127.0.0.1:{port}/v1/chat/completions \\\n  -H 'Authorization: Bearer {key}' \\\n  \
         -H 'Content-Type: application/json' \\\n  -d '{body}'"
    )
}

/// The command that keeps the stand-in, with pipes for its one line and for its leash.
fn piped(program: PathBuf) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Vec<OsString> {
        words.iter().map(OsString::from).collect()
    }

    #[test]
    fn an_argument_is_found_in_both_its_forms() {
        assert_eq!(given(&words(&["--host", "::1", "--port", "9000"]), "--port").as_deref(), Some("9000"));
        assert_eq!(given(&words(&["--port=9001"]), "--port").as_deref(), Some("9001"));
        assert_eq!(given(&words(&["--portal=1", "--port"]), "--port"), None);
    }

    #[test]
    fn the_request_to_paste_names_the_port_and_the_key() {
        let text = curl("9000", KEY);
        assert!(text.contains("127.0.0.1:9000/v1/") && text.contains("Bearer sk-demo"), "{text}");
        assert!(curl("0", KEY).contains("127.0.0.1:PORT/"));
    }

    #[test]
    fn codex_is_pointed_at_the_stand_in_and_at_nothing_else() {
        let text = config("http://127.0.0.1:4321");
        assert!(text.contains("\nbase_url = \"http://127.0.0.1:4321/v1\"\n"), "{text}");
        assert_eq!(text.matches("http").count(), 1);
    }
}
