//! Start at login: the system has the switch, and the app mirrors it in the settings.

use std::path::{Path, PathBuf};

use auto_launch::{AutoLaunch, AutoLaunchBuilder};
use desktop::app::App;
use tauri::{AppHandle, Manager as _};

/// The system's switch for this app.
#[derive(Debug)]
pub(crate) struct StartAtLogin(AutoLaunch);

impl StartAtLogin {
    /// The switch of the app named `name`, which starts with `data_dir` if it is not the usual one.
    pub(crate) fn new(name: &str, data_dir: Option<&Path>) -> Result<Self, String> {
        let program = program().map_err(|error| error.to_string())?;
        let mut args = vec!["--hidden".to_owned()];
        if let Some(folder) = data_dir {
            args.extend(["--data-dir".to_owned(), quote(&folder.to_string_lossy())]);
        }
        let program = program.to_string_lossy();
        let mut builder = AutoLaunchBuilder::new();
        // On macOS, the path is not part of a command line.
        builder.set_app_path(&if cfg!(target_os = "macos") { program.into_owned() } else { quote(&program) });
        builder.set_app_name(name).set_args(&args);
        builder.build().map(Self).map_err(|error| error.to_string())
    }

    /// Writes the command again if the app starts at login, because the program may have moved.
    pub(crate) fn refresh(&self) {
        if self.is_on()
            && !self.is_current()
            && let Err(error) = self.0.enable()
        {
            tracing::warn!(%error, "failed to update start at login");
        }
    }

    fn is_on(&self) -> bool {
        self.0.is_enabled().unwrap_or(false)
    }

    /// macOS notifies the user of each change.
    fn is_current(&self) -> bool {
        let home = directories::BaseDirs::new().filter(|_| cfg!(target_os = "macos"));
        let file = home.map(|dirs| {
            dirs.home_dir().join("Library/LaunchAgents").join(format!("{}.plist", self.0.get_app_name()))
        });
        let text = file.and_then(|file| std::fs::read_to_string(file).ok()).unwrap_or_default();
        let expected =
            std::iter::once(self.0.get_app_path()).chain(self.0.get_args().iter().map(String::as_str));
        !text.is_empty()
            && expected.into_iter().all(|part| text.contains(&format!("<string>{part}</string>")))
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
    if cfg!(windows) {
        quote_windows(word)
    } else if cfg!(target_os = "macos") {
        quote_xml(word)
    } else {
        quote_desktop_entry(word)
    }
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

/// For a property list.
fn quote_xml(word: &str) -> String {
    word.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Turns it on or off, and records the system's state. The error is a sentence for the user.
pub(crate) async fn set(handle: &AppHandle, app: &App, on: bool) -> Result<(), String> {
    let Some(system) = handle.try_state::<StartAtLogin>() else {
        return if on { Err("Start at login isn't available here.".to_owned()) } else { Ok(()) };
    };
    let changed = match system.0.is_enabled() {
        Ok(is_on) if is_on == on => Ok(()),
        _ if on => system.0.enable(),
        _ => system.0.disable(),
    };
    sync(handle, app).await;
    changed.map_err(|error| {
        tracing::warn!(%error, "failed to change start at login");
        format!("Couldn't change Start at login: {error}.")
    })
}

/// Records the system's state, which the user may have changed there.
pub(crate) async fn sync(handle: &AppHandle, app: &App) {
    let on = handle.try_state::<StartAtLogin>().is_some_and(|system| system.is_on());
    if on != app.overview().starts_at_login {
        app.record_start_at_login(on).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_is_quoted_for_each_system() {
        let word = r#"/home/me/my "$x" 100% \ `a` & <b>"#;
        assert_eq!(quote_desktop_entry(word), r#""/home/me/my \\"\\$x\\" 100%% \\\\ \\`a\\` & <b>""#);
        assert_eq!(quote_windows(r"C:\Program Files\x.exe"), r#""C:\Program Files\x.exe""#);
        assert_eq!(quote_windows(r"D:\"), r#""D:\\""#);
        assert_eq!(quote_xml("/a & <b>"), "/a &amp; &lt;b&gt;");
    }
}
