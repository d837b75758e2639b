//! The desktop app: a tray, a window, and the proxy behind them.
//!
//! Nothing is decided here. What the app does is `desktop::app`; this shell shows it, passes clicks on, and ends it in order.

#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

mod commands;
mod events;
mod instance_lock;
mod logging;
mod login;
mod options;
mod signals;
mod tray;
mod tray_host;
mod window;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Parser;
use codex_client::Environment;
use desktop::app::{App, AppOptions};
use desktop::keychain::MemoryStore;
use tauri::{AppHandle, Manager, RunEvent};
use tauri_plugin_window_state::StateFlags;

use logging::Log;
use options::Options;

/// Threads that work, at most. Answers are passed on as they come, which takes next to nothing, and each thread keeps memory of its
/// own.
const WORKERS: usize = 4;

/// Open files that are enough for the connections, codex, the database and the logs.
const ENOUGH_FILES: u64 = 4096;

/// Whether the program has been told to end for good; closing the window is no such thing.
#[derive(Debug, Default)]
struct Quitting(AtomicBool);

fn main() -> ExitCode {
    let options = Options::parse();
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("codex-proxy: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), String> {
    // A Mac gives an app 256 open files, which a hundred idle clients use up. With fewer it works, for fewer clients at once.
    let _ = rlimit::increase_nofile_limit(ENOUGH_FILES);
    // One runtime for everything: Tauri's own commands run on it too.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(std::thread::available_parallelism().map_or(1, usize::from).min(WORKERS))
        .enable_all()
        .build()
        .map_err(|error| format!("no threads can be started: {error}"))?;
    tauri::async_runtime::set(runtime.handle().clone());
    let data_dir = options.data_dir()?;
    let log = Log::start(&data_dir);
    let (hidden, keys_in_memory) = (options.hidden, options.keys_in_memory);
    // Before the desktop's parts, which take longer than all else to load: meanwhile the proxy answers already.
    let mut claim = instance_lock::Claim::on(&data_dir)?;
    let early = claim.is_ours().then(|| runtime.spawn(open(data_dir.clone(), keys_in_memory)));

    let builder = tauri::Builder::default()
        // First of all: a second start must end before it does anything.
        .plugin(tauri_plugin_single_instance::init(|handle, _args, _folder| window::show(handle, None)))
        .plugin(tauri_plugin_autostart::Builder::new().arg("--hidden").build())
        .plugin(tauri_plugin_clipboard_manager::init())
        .plugin(tauri_plugin_dialog::init())
        .plugin(tauri_plugin_opener::init())
        // Where it was and how large; whether it was open is not remembered, since the tray decides that.
        .plugin(
            tauri_plugin_window_state::Builder::new()
                .with_state_flags(StateFlags::SIZE | StateFlags::POSITION | StateFlags::MAXIMIZED)
                .build(),
        )
        .manage(Quitting::default())
        .manage(log)
        .invoke_handler(commands::handler())
        .setup(move |tauri| {
            let handle = tauri.handle().clone();
            let opening = match early {
                Some(opening) => opening,
                // Whoever had the folder was not there any more to show its window, so it is about to end.
                None => {
                    claim.wait()?;
                    tauri::async_runtime::handle().inner().spawn(open(data_dir, keys_in_memory))
                }
            };
            let app = tauri::async_runtime::block_on(opening)??;
            tauri.manage(claim);
            tauri.manage(app.clone());
            let has_tray = app.overview().has_tray;
            if has_tray {
                tray::build(&handle, &app)?;
            }
            events::forward(&handle, &app);
            signals::heed(&handle);
            let looking = handle.clone();
            let looked = app.clone();
            tauri::async_runtime::spawn(async move { login::look(&looking, &looked).await });
            // Without a tray a hidden start is one that nobody could see, unless they said that they want it so.
            if !hidden || app.goes_on_in_background() != Some(true) {
                window::show(&handle, None);
            }
            Ok(())
        });
    let tauri = builder.build(tauri::generate_context!()).map_err(|error| error.to_string())?;
    tauri.run(|handle, event| match event {
        RunEvent::ExitRequested { api, code: None, .. }
            if !handle.state::<Quitting>().0.load(Ordering::Acquire) =>
        {
            // The last window was closed. The tray and the proxy go on.
            api.prevent_exit();
        }
        RunEvent::Exit if !handle.state::<Quitting>().0.load(Ordering::Acquire) => {
            // The system ends us without asking, as macOS does by its own Quit: in order all the same.
            if let Some(app) = handle.try_state::<App>() {
                tauri::async_runtime::block_on(app.shutdown());
            }
        }
        #[cfg(target_os = "macos")]
        RunEvent::Reopen { .. } => window::show(handle, None),
        _ => {}
    });
    drop(runtime);
    Ok(())
}

/// Opens the app, which starts the proxy if the settings say so.
async fn open(data_dir: PathBuf, keys_in_memory: bool) -> Result<App, String> {
    let has_tray = tray_host::is_there().await;
    let options = AppOptions::new(data_dir, Environment::from_process(), has_tray);
    let options = if keys_in_memory { options.with_secrets(MemoryStore::default()) } else { options };
    App::open(options).await
}

/// Ends the app: open streams finish for a while, then they and codex are ended.
pub(crate) fn quit(handle: &AppHandle) {
    if handle.state::<Quitting>().0.swap(true, Ordering::AcqRel) {
        // Asked twice: now.
        handle.exit(0);
        return;
    }
    // Who starts the app from now on gets a new one, not the window of this. Not from a task: it blocks on the bus.
    let single = handle.clone();
    let released = handle.run_on_main_thread(move || tauri_plugin_single_instance::destroy(&single));
    if let Err(error) = released {
        tracing::debug!(%error, "the claim to be the only one goes with the process");
    }
    let handle = handle.clone();
    tauri::async_runtime::spawn(async move {
        window::close(&handle);
        if let Some(app) = handle.try_state::<App>() {
            app.shutdown().await;
        }
        handle.exit(0);
    });
}
