//! The desktop shell: tray, window and shutdown. All logic is in `desktop::app`.

#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

#[cfg(test)]
mod bundle_tests;
mod clipboard;
mod commands;
mod events;
mod failure;
mod instance;
mod instance_lock;
mod logging;
mod login;
#[cfg(target_os = "macos")]
mod macos;
#[cfg(target_os = "macos")]
mod menu_bar;
mod notifications;
mod opener;
mod options;
mod signals;
mod tray;
mod tray_host;
mod web_view_memory;
mod window;
mod window_size;

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Parser;
use codex_client::{Environment, with_login_shell};
use desktop::app::{App, AppOptions};
use desktop::keychain::MemoryStore;
use tauri::{AppHandle, Manager, RunEvent};
use tauri_plugin_window_state::StateFlags;

use logging::Log;
use options::Options;

/// Limit of runtime threads. Forwarding answers takes little CPU, and every thread costs memory.
const MAX_WORKERS: usize = 4;

/// Enough open files for connections, codex, the database and logs.
const MAX_OPEN_FILES: u64 = 4096;

/// Whether the app is quitting, as opposed to closing its window.
#[derive(Debug, Default)]
struct Quitting(AtomicBool);

impl Quitting {
    fn has_begun(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

fn main() -> ExitCode {
    let options = Options::try_parse().unwrap_or_else(|usage| failure::show_usage(&usage));
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            failure::show(&message);
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), String> {
    // macOS limits an app to 256 open files, which a hundred idle clients exhaust. On failure, fewer clients can connect.
    let _ = rlimit::increase_nofile_limit(MAX_OPEN_FILES);
    // Tauri's commands run on this runtime too.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(std::thread::available_parallelism().map_or(1, usize::from).min(MAX_WORKERS))
        .enable_all()
        .build()
        .map_err(|error| format!("cannot start the runtime: {error}"))?;
    tauri::async_runtime::set(runtime.handle().clone());
    let (data_dir, notice) = options.data_dir()?;
    let log = Log::start(&data_dir);
    if let Some(notice) = notice {
        tracing::warn!("{notice}");
    }
    // Two data folders are two apps.
    let suffix = instance::suffix(&data_dir, options.usual_data_dir(&data_dir).as_deref());
    let named = |name: &str, separator| match &suffix {
        Some(suffix) => format!("{name}{separator}{suffix}"),
        None => name.to_owned(),
    };
    let mut context = tauri::generate_context!();
    context.config_mut().identifier = named(&context.config().identifier, '.');
    #[cfg(windows)]
    if let Err(error) =
        notifications::register(&context.config().identifier, &named("Codex Proxy", ' '), &data_dir)
    {
        tracing::warn!(%error, "notifications may not be shown");
    }
    let tray_id = named("codex-proxy", '-');
    let own_folder = suffix.is_some().then(|| data_dir.clone());
    let identifier = context.config().identifier.clone();
    let at_login = login::StartAtLogin::new(&named("Codex Proxy", ' '), &identifier, own_folder.as_deref());
    let (hidden, keys_in_memory) = (options.hidden, options.keys_in_memory);
    // Opens before the desktop's libraries, whose loading takes longest, so that the proxy answers early.
    let mut lock = instance_lock::InstanceLock::open(&data_dir)?;
    let early = lock.is_held().then(|| runtime.spawn(open(data_dir.clone(), keys_in_memory)));

    let builder = tauri::Builder::default()
        // First, so that a second instance exits before it does anything.
        .plugin(tauri_plugin_single_instance::init(|handle, _args, _folder| {
            // Not inside the callback: on Windows it handles the other process's message, in which no web view can be created.
            let handle = handle.clone();
            tauri::async_runtime::spawn(async move { window::show(&handle, None) });
        }))
        .plugin(tauri_plugin_clipboard_manager::init())
        .plugin(tauri_plugin_dialog::init())
        .plugin(tauri_plugin_notification::init())
        // Position, but not visibility, which the tray decides, nor the size, which it keeps in pixels of the screen.
        .plugin(
            tauri_plugin_window_state::Builder::new()
                .with_state_flags(StateFlags::POSITION | StateFlags::MAXIMIZED)
                .build(),
        )
        .manage(Quitting::default())
        .manage(tray::Updates::default())
        .manage(window::State::new(&data_dir))
        .manage(log)
        .manage(clipboard::CopiedSecret::new(runtime.handle().clone()))
        .invoke_handler(commands::handler())
        .setup(move |tauri| {
            let handle = tauri.handle().clone();
            let opened = match early {
                Some(opening) => tauri::async_runtime::block_on(opening)
                    .unwrap_or_else(|error| Err(format!("unexpected error: {error}"))),
                // The lock's holder did not show its window, so it is shutting down.
                None => {
                    lock.wait().and_then(|()| tauri::async_runtime::block_on(open(data_dir, keys_in_memory)))
                }
            };
            let app = match opened {
                Ok(app) => app,
                Err(message) => {
                    failure::show_and_exit(&handle, &message);
                    return Ok(());
                }
            };
            tauri.manage(lock);
            tauri.manage(app.clone());
            match at_login {
                Ok(at_login) => {
                    at_login.refresh();
                    tauri.manage(at_login);
                }
                Err(error) => tracing::warn!(%error, "no start at login"),
            }
            if app.overview().has_tray {
                tray::show(&handle, &app, &tray_id);
            }
            handle.state::<tray::Updates>().follow(&handle, &app);
            notifications::listen(&handle);
            events::forward(&handle, &app);
            signals::listen(&handle);
            let sync_handle = handle.clone();
            let sync_app = app.clone();
            tauri::async_runtime::spawn(async move { login::sync(&sync_handle, &sync_app).await });
            let (tray_handle, tray_app) = (handle.clone(), app.clone());
            tauri::async_runtime::spawn(tray_host::watch(move |has_host| {
                tray::host_changed(&tray_handle, &tray_app, &tray_id, has_host);
            }));
            if !hidden {
                window::show(&handle, None);
            }
            Ok(())
        });
    failure::find_display()?;
    #[cfg(target_os = "macos")]
    let builder = menu_bar::prepare(builder, hidden);
    #[cfg_attr(not(target_os = "macos"), expect(unused_mut, reason = "for macOS"))]
    let mut tauri = builder.build(context).map_err(|error| error.to_string())?;
    #[cfg(target_os = "macos")]
    macos::start(&mut tauri);
    tauri.run(|handle, event| match event {
        RunEvent::ExitRequested { api, code: None, .. } if !handle.state::<Quitting>().has_begun() => {
            // The last window was closed; the tray and the proxy keep running.
            api.prevent_exit();
        }
        RunEvent::Exit if !handle.state::<Quitting>().has_begun() => {
            // The system quits the app directly, as macOS does at logout.
            if let Some(app) = handle.try_state::<App>() {
                tauri::async_runtime::block_on(app.shutdown());
            }
            clipboard::remove_secret(handle);
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
    let has_tray = tray_host::is_available().await;
    let options = AppOptions::new(data_dir, environment().await, has_tray);
    let options = if keys_in_memory { options.with_secrets(MemoryStore::default()) } else { options };
    App::open(options).await
}

/// The environment to start codex in. One started from a desktop lacks what the user's shell sets; a terminal has it already.
async fn environment() -> Environment {
    let environment = Environment::from_process();
    if std::io::stdin().is_terminal() { environment } else { with_login_shell(environment).await }
}

/// Quits: open streams get a few seconds to finish, then codex is stopped. A second call exits immediately.
pub(crate) fn quit(handle: &AppHandle) {
    if handle.state::<Quitting>().0.swap(true, Ordering::AcqRel) {
        handle.exit(0);
        return;
    }
    // At once, since what follows takes time.
    let main = handle.clone();
    let shown = handle.run_on_main_thread(move || {
        tray::show_quitting(&main);
        window::close(&main);
    });
    if let Err(error) = shown {
        tracing::debug!(%error, "failed to show that the app is quitting");
    }
    // A new start from now on gets a new app instead of this window. On the main thread, because it blocks on the bus.
    let single = handle.clone();
    let released = handle.run_on_main_thread(move || tauri_plugin_single_instance::destroy(&single));
    if let Err(error) = released {
        tracing::debug!(%error, "failed to release the single instance");
    }
    let handle = handle.clone();
    tauri::async_runtime::spawn(async move {
        if let Some(app) = handle.try_state::<App>() {
            app.shutdown().await;
        }
        let clipboard = handle.clone();
        let _ = tokio::task::spawn_blocking(move || clipboard::remove_secret(&clipboard)).await;
        handle.exit(0);
    });
}
