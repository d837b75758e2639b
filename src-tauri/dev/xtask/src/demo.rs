//! Sets up `run --demo`: the sample model, a temporary codex home, and a well-known key.
//!
//! The user's own files are neither read nor written, and `sidecar` removes everything at the end.

pub(crate) mod sidecar;

use std::env;
use std::ffi::OsString;
use std::fs;
use std::process::{self, ChildStdin, Command};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::child;
use crate::codex;
use crate::workspace;

/// Need not be secret: it guards a sample model on loopback.
pub(crate) const KEY: &str = "sk-demo";
/// Precedes the address on the line the sample model prints when ready.
const READY_PREFIX: &str = "listening on ";
/// Generous: the sample model only binds a port before it is ready.
const READY_TIMEOUT: Duration = Duration::from_secs(30);

/// A running demo. On Unix it outlives this value, which is gone once this process execs the program.
pub(crate) struct Demo {
    /// A command that asks the program.
    pub(crate) example: String,
    /// Closing it tells the sidecar that we exited, on systems where it cannot see its parent's id.
    _sidecar_stdin: Option<ChildStdin>,
}

impl Demo {
    /// Starts the sidecar and points the program, which may be the desktop app, at the sample model.
    pub(crate) fn prepare(program: &mut Command, args: &[OsString], desktop: bool) -> Result<Self> {
        let codex = codex::install(codex::DEFAULT_VERSION)?;
        let folder = workspace::target()?.join("demo").join(process::id().to_string());
        let home = folder.join("codex-home");
        fs::create_dir_all(&home).with_context(|| format!("cannot create {}", home.display()))?;
        let mut sidecar = sidecar::start(&folder)?;
        let lines = child::read_lines(sidecar.stdout.take().context("stdout was not piped")?);
        let model = read_address(&lines)?;
        fs::write(home.join("config.toml"), config(&model)).context("cannot write the demo's config.toml")?;

        // codex does not set up its sandbox for a home below the temporary folder, and this checkout may be below the system's.
        let temp = folder.join("tmp");
        fs::create_dir_all(&temp).with_context(|| format!("cannot create {}", temp.display()))?;
        program.env("CODEX_HOME", &home).env("CODEX_PATH", codex);
        for variable in if cfg!(windows) { &["TEMP", "TMP"][..] } else { &["TMPDIR"] } {
            program.env(variable, &temp);
        }
        // A sign-in in the demo is one to the sample model.
        program.env("CODEX_APP_SERVER_LOGIN_ISSUER", &model);
        // Behind an HTTP proxy, codex would otherwise send its requests to the sample model through that.
        program.env("NO_PROXY", "127.0.0.1,localhost");
        let port = arg_value(args, "--port").or_else(|| env::var("PORT").ok());
        if arg_value(args, "--data-dir").is_none() {
            let data = folder.join("data");
            if let Some(port) = port.as_ref().filter(|_| desktop) {
                // The desktop app takes its port from its settings, where the window can change it.
                fs::create_dir_all(&data).with_context(|| format!("cannot create {}", data.display()))?;
                let settings = format!("{{\"version\":1,\"port\":{port}}}");
                fs::write(data.join("settings.json"), settings)
                    .context("cannot write the demo's settings")?;
            }
            program.arg("--data-dir").arg(data);
        }
        let has_own_keys = env::var_os("API_KEYS").is_some_and(|keys| !keys.is_empty());
        if !has_own_keys {
            program.env("API_KEYS", KEY);
        }
        let port = port.unwrap_or_else(|| "8000".to_owned());
        let key = if has_own_keys { "YOUR-KEY" } else { KEY };
        Ok(Self { example: curl_example(&port, key), _sidecar_stdin: sidecar.stdin.take() })
    }
}

/// Waits for the line with the address of the sample model, or of the daemon.
pub(crate) fn read_address(lines: &Receiver<Vec<u8>>) -> Result<String> {
    let deadline = Instant::now() + READY_TIMEOUT;
    loop {
        match lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(line) => {
                if let Some(address) = String::from_utf8_lossy(&line).trim().strip_prefix(READY_PREFIX) {
                    return Ok(address.trim_end_matches('/').to_owned());
                }
            }
            Err(RecvTimeoutError::Disconnected) => bail!("it exited before it was ready"),
            Err(RecvTimeoutError::Timeout) => {
                bail!("it was not ready within {READY_TIMEOUT:?}")
            }
        }
    }
}

/// A codex configuration that needs no account, because its only model is the sample model.
fn config(model: &str) -> String {
    format!(
        "model = \"gpt-5.5\"\n\
         model_provider = \"mock\"\n\
         chatgpt_base_url = \"{model}/backend-api\"\n\
         \n\
         [model_providers.mock]\n\
         name = \"mock\"\n\
         base_url = \"{model}/v1\"\n\
         wire_api = \"responses\"\n"
    )
}

/// The value of `--name value` or `--name=value` in the program's arguments.
fn arg_value(args: &[OsString], name: &str) -> Option<String> {
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

fn curl_example(port: &str, key: &str) -> String {
    // With port 0 the system picks one, which only the program's own output names.
    let port = if port == "0" { "PORT" } else { port };
    let body = r#"{"model":"codex-local","stream":true,"messages":[{"role":"user","content":"Say hello"}]}"#;
    if cfg!(windows) {
        return curl_examples_for_windows(port, key, body);
    }
    format!(
        "curl -N http://127.0.0.1:{port}/v1/chat/completions \\\n  -H 'Authorization: Bearer {key}' \\\n  \
         -H 'Content-Type: application/json' \\\n  -d '{body}'"
    )
}

/// For the command prompt and for PowerShell, whose version 5 loses the double quotes of an argument.
fn curl_examples_for_windows(port: &str, key: &str, body: &str) -> String {
    let request = format!(
        "curl.exe -N http://127.0.0.1:{port}/v1/chat/completions -H \"Authorization: Bearer {key}\" \
         -H \"Content-Type: application/json\""
    );
    let escaped = body.replace('"', "\\\"");
    format!(
        "Command Prompt:\n{request} -d \"{escaped}\"\n\nPowerShell:\n'{body}' | {request} --data-binary '@-'"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Vec<OsString> {
        words.iter().map(OsString::from).collect()
    }

    #[test]
    fn an_argument_is_found_in_both_its_forms() {
        assert_eq!(
            arg_value(&words(&["--host", "::1", "--port", "9000"]), "--port").as_deref(),
            Some("9000")
        );
        assert_eq!(arg_value(&words(&["--port=9001"]), "--port").as_deref(), Some("9001"));
        assert_eq!(arg_value(&words(&["--portal=1", "--port"]), "--port"), None);
    }

    #[test]
    fn the_example_request_names_the_port_and_the_key() {
        let text = curl_example("9000", KEY);
        assert!(text.contains("127.0.0.1:9000/v1/") && text.contains("Bearer sk-demo"), "{text}");
        assert!(curl_example("0", KEY).contains("127.0.0.1:PORT/"));
    }

    #[test]
    fn windows_gets_an_example_for_each_of_its_shells() {
        let text = curl_examples_for_windows("9000", KEY, r#"{"a":"b c"}"#);
        assert!(text.contains(r#" -d "{\"a\":\"b c\"}""#), "{text}");
        assert!(text.contains(r#"'{"a":"b c"}' | curl.exe -N http://127.0.0.1:9000/v1/"#), "{text}");
        assert!(text.ends_with(" --data-binary '@-'"), "{text}");
    }

    #[test]
    fn codex_is_pointed_only_at_the_sample_model() {
        let text = config("http://127.0.0.1:4321");
        assert!(text.contains("\nbase_url = \"http://127.0.0.1:4321/v1\"\n"), "{text}");
        assert_eq!(text.matches("http").count(), text.matches("http://127.0.0.1:4321/").count());
    }
}
