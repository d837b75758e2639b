//! Start at login: the system has the switch, and the app mirrors it in the settings.

mod launch_agent;

use std::path::{Path, PathBuf};

use auto_launch::{AutoLaunch, AutoLaunchBuilder, WindowsEnableMode};
use desktop::app::App;
use tauri::{AppHandle, Manager as _};

use launch_agent::LaunchAgent;

/// The system's switch for this app.
#[derive(Debug)]
pub(crate) enum StartAtLogin {
    /// Of macOS.
    Agent(LaunchAgent),
    /// Of Linux and Windows.
    Entry(AutoLaunch),
}

impl StartAtLogin {
    /// The switch of the app with this name and identifier, which starts with `data_dir` if it is not the usual one.
    pub(crate) fn new(name: &str, identifier: &str, data_dir: Option<&Path>) -> Result<Self, String> {
        let program = program().map_err(|error| error.to_string())?;
        let words = data_dir.map(|folder| ["--data-dir".to_owned(), folder.to_string_lossy().into_owned()]);
        let words = std::iter::once("--hidden".to_owned()).chain(words.into_iter().flatten());
        if cfg!(target_os = "macos") {
            let dirs = directories::BaseDirs::new().ok_or("no home folder found")?;
            let args: Vec<String> = words.collect();
            return Ok(Self::Agent(LaunchAgent::new(dirs.home_dir(), identifier, &program, &args)));
        }
        let args: Vec<String> =
            words.map(|word| if word.starts_with("--") { word } else { quote(&word) }).collect();
        let mut builder = AutoLaunchBuilder::new();
        builder.set_app_path(&quote(&program.to_string_lossy())).set_app_name(name).set_args(&args);
        // Its default writes to the whole computer's registry when run as administrator.
        builder.set_windows_enable_mode(WindowsEnableMode::CurrentUser);
        builder.build().map(Self::Entry).map_err(|error| error.to_string())
    }

    /// Writes the command again if the app starts at login, because the program may have moved.
    pub(crate) fn refresh(&self) {
        let is_current = matches!(self, Self::Agent(agent) if agent.is_current());
        if self.is_on().unwrap_or(false)
            && !is_current
            && let Err(error) = self.turn(true)
        {
            tracing::warn!(%error, "failed to update start at login");
        }
    }

    fn is_on(&self) -> Result<bool, String> {
        match self {
            Self::Agent(agent) => agent.is_on().map_err(|error| error.to_string()),
            Self::Entry(entry) => entry.is_enabled().map_err(|error| error.to_string()),
        }
    }

    fn turn(&self, on: bool) -> Result<(), String> {
        match self {
            Self::Agent(agent) => {
                if on { agent.turn_on() } else { agent.turn_off() }.map_err(|error| error.to_string())
            }
            Self::Entry(entry) => {
                if on { entry.enable() } else { entry.disable() }.map_err(|error| error.to_string())
            }
        }
    }
}

/// The AppImage, whose content moves at each start, or this program.
fn program() -> std::io::Result<PathBuf> {
    let image = std::env::var_os("APPIMAGE").map(PathBuf::from).filter(|_| cfg!(target_os = "linux"));
    let mounted = std::env::var_os("APPDIR").map(PathBuf::from);
    let program = std::env::current_exe()?;
    let in_image = mounted.is_some_and(|mounted| program.starts_with(mounted));
    Ok(image.filter(|image| in_image && image.is_absolute()).unwrap_or(program))
}

/// Quotes one word for the command line in the system's entry.
fn quote(word: &str) -> String {
    if cfg!(windows) { quote_windows(word) } else { quote_desktop_entry(word) }
}

/// For the `Exec` line of a desktop entry: a quoted argument, whose backslashes the file's own syntax needs twice.
fn quote_desktop_entry(word: &str) -> String {
    let mut quoted = String::from('"');
    for character in word.chars() {
        match character {
            '\\' => quoted.push_str(r"\\\\"),
            '"' | '`' | '$' => quoted.extend(['\\', '\\', character]),
            '%' => quoted.push_str("%%"),
            '\n' => quoted.push_str(r"\n"),
            _ => quoted.push(character),
        }
    }
    quoted.push('"');
    quoted
}

/// For a Windows command line. A path has no quotes, but it may end with a backslash, which would escape the closing one.
fn quote_windows(word: &str) -> String {
    let trailing = word.len() - word.trim_end_matches('\\').len();
    format!("\"{word}{}\"", "\\".repeat(trailing))
}

/// Turns it on or off, and records the system's state. The error is a sentence for the user.
pub(crate) async fn set(handle: &AppHandle, app: &App, on: bool) -> Result<(), String> {
    let Some(system) = handle.try_state::<StartAtLogin>() else {
        return if on { Err("Start at login isn't available here.".to_owned()) } else { Ok(()) };
    };
    let changed = if system.is_on() == Ok(on) { Ok(()) } else { system.turn(on) };
    sync(handle, app).await;
    changed.map_err(|error| {
        tracing::warn!(%error, "failed to change start at login");
        format!("Couldn't change Start at login: {error}.")
    })
}

/// Records the system's state, which the user may have changed there.
pub(crate) async fn sync(handle: &AppHandle, app: &App) {
    let on = handle.try_state::<StartAtLogin>().is_some_and(|system| system.is_on().unwrap_or(false));
    if on != app.overview().starts_at_login {
        app.record_start_at_login(on).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(windows)]
    #[test]
    fn windows_starts_the_quoted_program_with_the_data_folder_unless_the_task_manager_says_no() {
        const RUN: &str = r"Software\Microsoft\Windows\CurrentVersion\Run";
        const APPROVED: &str = r"Software\Microsoft\Windows\CurrentVersion\Explorer\StartupApproved\Run";
        let user = windows_registry::CURRENT_USER;
        let approved = user.create(APPROVED).unwrap();
        let name = format!("Codex Proxy test {}", std::process::id());
        let system =
            StartAtLogin::new(&name, "io.github.codex-proxy.test", Some(Path::new(r"D:\Jürgen & Co\")))
                .unwrap();
        assert_eq!(system.is_on(), Ok(false));
        system.turn(true).unwrap();
        let program = std::env::current_exe().unwrap();
        let command = user.open(RUN).unwrap().get_string(&name).unwrap();
        let expected = format!("\"{}\" --hidden --data-dir \"D:\\Jürgen & Co\\\\\"", program.display());
        assert_eq!(command, expected);
        assert_eq!(system.is_on(), Ok(true));
        let off = [3, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8];
        approved.set_bytes(&name, windows_registry::Type::Bytes, &off).unwrap();
        assert_eq!(system.is_on(), Ok(false));
        system.refresh();
        assert_eq!(system.is_on(), Ok(false), "the user's choice in the Task Manager stays");
        system.turn(false).unwrap();
        assert!(user.open(RUN).unwrap().get_string(&name).is_err());
        approved.remove_value(&name).unwrap();
    }

    #[test]
    fn the_command_is_quoted_for_each_system() {
        let word = r#"/home/me/my "$x" 100% \ `a` & <b>"#;
        assert_eq!(quote_desktop_entry(word), r#""/home/me/my \\"\\$x\\" 100%% \\\\ \\`a\\` & <b>""#);
        assert_eq!(quote_windows(r"C:\Program Files\x.exe"), r#""C:\Program Files\x.exe""#);
        assert_eq!(quote_windows(r"D:\"), r#""D:\\""#);
    }
}
