//! macOS starts the app at login by a launch agent, a property list that names the program. docs/macos.md says why not otherwise.

use std::io;
use std::path::{Component, Path, PathBuf};

/// The app's identifier, under which System Settings shows the app's name and icon for the agent.
const BUNDLE: &str = "io.github.codex-proxy";

/// Why the app cannot start at login.
const TEMPORARY: &str = "first move Codex Proxy to the Applications folder, and open it there";

/// The agent of one app.
#[derive(Debug)]
pub(crate) struct LaunchAgent {
    file: PathBuf,
    text: String,
    is_temporary: bool,
}

impl LaunchAgent {
    /// The agent of this label, which starts `program` with `args`.
    pub(super) fn new(home: &Path, label: &str, program: &Path, args: &[String]) -> Self {
        let file = home.join("Library/LaunchAgents").join(format!("{label}.plist"));
        Self { file, text: text(label, program, args), is_temporary: is_temporary(program) }
    }

    pub(super) fn is_on(&self) -> io::Result<bool> {
        self.file.try_exists()
    }

    /// Whether it starts this program. Written only if it does not, since macOS notifies the user of each change.
    pub(super) fn is_current(&self) -> bool {
        std::fs::read_to_string(&self.file).is_ok_and(|text| text == self.text)
    }

    /// From the next login on.
    pub(super) fn turn_on(&self) -> io::Result<()> {
        if self.is_temporary {
            return Err(io::Error::other(TEMPORARY));
        }
        if let Some(folder) = self.file.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(&self.file, &self.text)
    }

    pub(super) fn turn_off(&self) -> io::Result<()> {
        match std::fs::remove_file(&self.file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

/// The property list. Without a process type, launchd would throttle the CPU and I/O of the app and of codex.
fn text(label: &str, program: &Path, args: &[String]) -> String {
    let program = program.to_string_lossy();
    let command: String = std::iter::once(&*program)
        .chain(args.iter().map(String::as_str))
        .map(|word| format!("\n\t\t<string>{}</string>", escape(word)))
        .collect();
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
	<key>Label</key>
	<string>{}</string>
	<key>AssociatedBundleIdentifiers</key>
	<array>
		<string>{BUNDLE}</string>
	</array>
	<key>ProgramArguments</key>
	<array>{command}
	</array>
	<key>ProcessType</key>
	<string>Interactive</string>
	<key>RunAtLoad</key>
	<true/>
</dict>
</plist>
"#,
        escape(label)
    )
}

fn escape(word: &str) -> String {
    word.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Whether the program will be elsewhere next time: macOS runs an app in quarantine from a random folder, and a disk image, in
/// whose root an app lies, is ejected.
fn is_temporary(program: &Path) -> bool {
    let parts: Vec<_> = program.components().collect();
    let is_app =
        |part: &Component<'_>| Path::new(part).extension().is_some_and(|extension| extension == "app");
    let on_image =
        parts.get(1) == Some(&Component::Normal("Volumes".as_ref())) && parts.get(3).is_some_and(is_app);
    on_image || parts.contains(&Component::Normal("AppTranslocation".as_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const INSTALLED: &str = "/Applications/Codex Proxy.app/Contents/MacOS/codex-proxy";

    fn parse(text: &str) -> plist::Dictionary {
        plist::from_bytes(text.as_bytes()).unwrap()
    }

    #[test]
    fn agent_starts_this_program_hidden_and_unthrottled_under_the_apps_name() {
        let args = ["--hidden", "--data-dir", "/a & <b>"].map(str::to_owned);
        let agent = parse(&text("io.github.codex-proxy.d1", Path::new("/R&D/Codex Proxy.app/x"), &args));
        let strings = |name: &str| -> Vec<&str> {
            agent[name].as_array().unwrap().iter().map(|value| value.as_string().unwrap()).collect()
        };
        assert_eq!(agent["Label"].as_string(), Some("io.github.codex-proxy.d1"));
        assert_eq!(
            strings("ProgramArguments"),
            ["/R&D/Codex Proxy.app/x", "--hidden", "--data-dir", "/a & <b>"]
        );
        assert_eq!(agent["RunAtLoad"].as_boolean(), Some(true));
        assert_eq!(agent["ProcessType"].as_string(), Some("Interactive"));
        let config: serde_json::Value =
            serde_json::from_str(include_str!("../../../tauri.conf.json")).unwrap();
        assert_eq!(strings("AssociatedBundleIdentifiers"), [config["identifier"].as_str().unwrap()]);
    }

    #[test]
    fn agent_is_written_when_turned_on_and_again_only_for_another_program() {
        let home = tempfile::tempdir().unwrap();
        let agent = |program: &str| LaunchAgent::new(home.path(), BUNDLE, Path::new(program), &[]);
        let installed = agent(INSTALLED);
        assert!(!installed.is_on().unwrap() && !installed.is_current());
        installed.turn_on().unwrap();
        assert!(installed.is_on().unwrap() && installed.is_current());
        assert!(home.path().join("Library/LaunchAgents/io.github.codex-proxy.plist").is_file());
        let moved = agent("/Users/me/Applications/Codex Proxy.app/Contents/MacOS/codex-proxy");
        assert!(moved.is_on().unwrap() && !moved.is_current());
        installed.turn_off().unwrap();
        installed.turn_off().unwrap();
        assert!(!installed.is_on().unwrap());
    }

    #[test]
    fn an_app_that_runs_from_its_download_or_disk_image_cannot_start_at_login() {
        let home = tempfile::tempdir().unwrap();
        let translocated = "/private/var/folders/zy/x/T/AppTranslocation/613DF902-6BE1/d/Codex Proxy.app/Contents/MacOS/codex-proxy";
        let image = "/Volumes/Codex Proxy/Codex Proxy.app/Contents/MacOS/codex-proxy";
        for program in [translocated, image] {
            let agent = LaunchAgent::new(home.path(), BUNDLE, Path::new(program), &[]);
            assert!(
                agent
                    .turn_on()
                    .unwrap_err()
                    .to_string()
                    .contains("move Codex Proxy to the Applications folder")
            );
            assert!(!agent.is_on().unwrap());
        }
        let disk = "/Volumes/Work/Applications/Codex Proxy.app/Contents/MacOS/codex-proxy";
        for program in [INSTALLED, disk, "/Users/me/codex-proxy/target/debug/codex-proxy", "/Volumes"] {
            assert!(!is_temporary(Path::new(program)), "{program}");
        }
    }
}
