//! The daemon: reads flags, environment and `.env`, serves until a signal, and stops cleanly.
//!
//! Settings are validated in `proxy::settings`; the server is `proxy::serve`.

mod approvals;
mod cli;
mod env_file;
mod key_command;
mod key_rules;
mod runtime;

use std::io::{ErrorKind, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{ArgMatches, FromArgMatches as _};
use codex_client::{Environment, Search, SharedLimits, own_folder};
use proxy::Limits;
use proxy::doctor::diagnostics::{self, Facts};
use proxy::doctor::{self, Finding};
use proxy::files::UsualDataFolder;
use proxy::logging::files as log_files;
use proxy::logging::line::{OneLine, log_panics};
use proxy::logging::signals::{INTERRUPTED, Signal, Signals};
use proxy::settings::{Layers, Settings};
use proxy::unix_now;
use proxy::{ImageFetcher, Proxy, ProxyParts, ipv6_loopback, serve};
use proxy::{KeyFile, KeyLimits};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use tracing_appender::non_blocking::WorkerGuard;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use cli::{Cli, Command};
use key_command::PLAIN_BY_DEFAULT;
use runtime::start_runtime;

/// Open files that connections, codex and the logs may need.
const MAX_OPEN_FILES: u64 = 4096;

/// What running answers have left when the console is closed. With their final events and codex's end, it takes less than the five
/// seconds that Windows leaves.
const CLOSING_DRAIN_TIMEOUT: Duration = Duration::from_secs(2);

/// An error is the message for the user.
type Outcome = Result<(), String>;

fn main() -> ExitCode {
    let flags = cli::command().get_matches();
    let cli = Cli::from_arg_matches(&flags).unwrap_or_else(|error| error.exit());
    match run(&cli, &flags) {
        Ok(code) => code,
        Err(message) => {
            eprintln!("codex-proxyd: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: &Cli, flags: &ArgMatches) -> Result<ExitCode, String> {
    if let Some(described) = cli.command.as_ref().and_then(Command::describe_cli) {
        return match described {
            // The reader of a pipe may stop early.
            Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.to_string()),
            _ => Ok(ExitCode::SUCCESS),
        };
    }
    // macOS allows 256 open files by default, too few for a hundred idle clients. Without more, fewer clients are served.
    let _ = rlimit::increase_nofile_limit(MAX_OPEN_FILES);
    let environment = Environment::from_process();
    let current_dir = std::env::current_dir()
        .map_err(|error| format!("the current folder could not be determined: {error}"))?;
    let (env_file, mut skipped) = env_file::read(cli, &current_dir)?;
    let usual = UsualDataFolder::of_user();
    let layers = Layers {
        flags,
        environment: &environment,
        env_file: &env_file,
        current_dir: &current_dir,
        default_data_dir: usual.as_ref().map(|usual| usual.path().to_owned()),
    };
    let asks_doctor = matches!(cli.command, Some(Command::Doctor { .. }));
    let (mut settings, mut warnings) = match Settings::from_layers(&layers) {
        Ok(loaded) => loaded,
        Err(error) if asks_doctor => {
            return Ok(print_findings(&[Finding::problem(error.to_string(), "Change it and try again.")]));
        }
        Err(error) => return Err(error.to_string()),
    };
    warnings.append(&mut skipped);
    if let Some(usual) = usual.filter(|usual| usual.path() == settings.data_dir) {
        let (folder, notice) = usual.with_earlier_data();
        settings.data_dir = folder;
        warnings.extend(notice);
    }
    // The file may set CODEX_HOME too.
    let environment = match (environment.get("CODEX_HOME"), env_file.get("CODEX_HOME")) {
        (None, Ok(Some(home))) => environment.with("CODEX_HOME", home),
        (None, Err(warning)) => {
            warnings.push(warning);
            environment
        }
        _ => environment,
    };
    if cli.version {
        start_runtime()?.block_on(print_versions(&settings, &environment));
        return Ok(ExitCode::SUCCESS);
    }
    match &cli.command {
        Some(Command::Approvals(args)) => {
            start_runtime()?.block_on(approvals::run(args, &settings.data_dir, &environment))?;
        }
        Some(Command::Key { action }) => key_command::run(action, &settings, &environment)?,
        Some(Command::Doctor { report }) => {
            let findings = start_runtime()?.block_on(doctor::examine(&settings, &environment));
            if *report {
                print!("{}", bug_report(&settings, &environment, &findings));
                return Ok(ExitCode::SUCCESS);
            }
            return Ok(print_findings(&findings));
        }
        Some(Command::Completions { .. } | Command::Man { .. }) | None => {
            let _log = start_log(&settings);
            warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
            start_runtime()?.block_on(serve_until_signal(settings, &environment))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints the findings; the exit code says whether there is a problem.
fn print_findings(findings: &[Finding]) -> ExitCode {
    print!("{}", doctor::report(findings));
    if doctor::has_problem(findings) { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// The text to attach to a bug report.
fn bug_report(settings: &Settings, environment: &Environment, findings: &[Finding]) -> String {
    diagnostics::text(&Facts {
        program: "codex-proxyd",
        system: &diagnostics::system(),
        now: unix_now(),
        findings,
        counts: &[],
        errors: None,
        settings: &format!("{settings:#?}"),
        keys: &settings.api_keys,
        home: environment.home().as_deref(),
    })
}

async fn serve_until_signal(settings: Settings, environment: &Environment) -> Outcome {
    let bind = settings.address();
    let listener = TcpListener::bind(bind).await.map_err(|error| {
        let Finding { what, next, .. } = doctor::cannot_listen(bind, &error);
        format!("{what}. {}", next.unwrap_or_default())
    })?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    let mut listeners = vec![listener];
    if let Some(address) = ipv6_loopback(address) {
        match TcpListener::bind(address).await {
            Ok(listener) => listeners.push(listener),
            Err(error) => {
                tracing::info!(%address, %error, "not listening here; use 127.0.0.1 instead of localhost");
            }
        }
    }
    let first_key = first_key(&settings)?;
    let parts = ProxyParts {
        limits: Limits::default().with(&settings),
        settings,
        environment: environment.clone(),
        computer: gethostname::gethostname().to_string_lossy().into_owned(),
        keys: Vec::new(),
        request_log: Arc::new(()),
        store: None,
        images: ImageFetcher::default(),
        usage_limits: SharedLimits::default(),
    };
    let (data_dir, asks) = (parts.settings.data_dir.clone(), parts.settings.ask);
    let proxy = Proxy::new(parts).map_err(|error| error.to_string())?;

    let stop = CancellationToken::new();
    let listening = approvals::Listening::open(&data_dir, environment, proxy.approvals(), asks);
    let _terminals =
        listening.map(|listening| AbortOnDropHandle::new(tokio::spawn(listening.run(stop.clone()))));
    // Before the ready line is printed, so that an immediate signal is not missed.
    let signals =
        Signals::listen().map_err(|error| format!("signal handlers could not be installed: {error}"))?;
    let (on_signal, stopping) = (stop.clone(), proxy.clone());
    tokio::spawn(async move {
        let mut signals = signals;
        if signals.next().await == Signal::Closing {
            stopping.shorten_drain(CLOSING_DRAIN_TIMEOUT);
        }
        on_signal.cancel();
        drop(stopping);
        signals.next().await;
        // The second signal ends the program immediately, and codex's process group with it.
        std::process::exit(INTERRUPTED.into());
    });

    let mut out = std::io::stdout();
    let printed = first_key
        .map_or(Ok(()), |key| writeln!(out, "API key \"Default\" (shown this once): {}", key.reveal()))
        .and_then(|()| writeln!(out, "listening on http://{address}"))
        .and_then(|()| out.flush());
    if let Err(error) = printed {
        tracing::debug!(%error, "stdout is closed");
    }
    serve(listeners, proxy, stop).await;
    Ok(())
}

/// Creates the key named Default if there is no other key.
fn first_key(settings: &Settings) -> Result<Option<proxy::Key>, String> {
    let keys = KeyFile::in_folder(&settings.data_dir);
    if let Some(notice) = keys.set_aside_damaged(unix_now()).map_err(|error| error.to_string())? {
        tracing::warn!("{notice}");
    }
    if !settings.keys_needed || !settings.api_keys.is_empty() {
        return Ok(None);
    }
    if !keys.entries().map_err(|error| error.to_string())?.is_empty() {
        return Ok(None);
    }
    let limits = KeyLimits::of_new_key(!settings.host.is_loopback());
    let (key, entry) =
        keys.create_limited("Default", limits, unix_now()).map_err(|error| error.to_string())?;
    if entry.limits.plain_models_only {
        tracing::warn!("{PLAIN_BY_DEFAULT}");
    }
    Ok(Some(key))
}

async fn print_versions(settings: &Settings, environment: &Environment) {
    let search = Search {
        setting: settings.codex_path.clone(),
        own: Some(own_folder(&settings.data_dir)),
        environment: environment.clone(),
    };
    let codex = match search.run().await {
        Ok(found) => match found.version().await {
            Ok(version) => format!("codex {version} ({})", found.path.display()),
            Err(error) => format!("codex at {}: {error}", found.path.display()),
        },
        Err(error) => format!("codex: {error}"),
    };
    println!("codex-proxyd {}\n{codex}", env!("CARGO_PKG_VERSION"));
}

/// Starts logging to stderr and to files in the data folder. Dropping the guard flushes the files.
fn start_log(settings: &Settings) -> Option<WorkerGuard> {
    let level = settings.log_level.name();
    // The chosen level applies to our crates; libraries log warnings only.
    let filter = EnvFilter::new(format!("warn,codex_client={level},proxy={level},codex_proxyd={level}"));
    let (files, guard, error) = match log_files::start(&settings.data_dir, "codex-proxyd") {
        Ok((writer, guard)) => (Some(writer), Some(guard), None),
        Err(error) => (None, None, Some(error)),
    };
    let to = |writer| tracing_subscriber::fmt::layer().with_writer(OneLine(writer)).with_ansi(false);
    let stderr = tracing_subscriber::fmt::layer().with_writer(OneLine(std::io::stderr)).with_ansi(false);
    tracing_subscriber::registry().with(filter).with(stderr).with(files.map(to)).init();
    log_panics();
    if let Some(error) = error {
        let folder = log_files::folder(&settings.data_dir);
        tracing::warn!(%error, folder = %folder.display(), "log files are not writable; logging to stderr only");
    }
    guard
}
