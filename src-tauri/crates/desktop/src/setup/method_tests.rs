use super::*;

/// A home with programs that are scripts.
struct Home {
    folder: tempfile::TempDir,
}

impl Home {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    #[cfg(unix)]
    fn with(self, name: &str, script: &str) -> Self {
        use std::os::unix::fs::PermissionsExt as _;
        let program = self.bin().join(name);
        std::fs::create_dir_all(self.bin()).unwrap();
        std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        self
    }

    #[cfg(windows)]
    fn with(self, name: &str, script: &str) -> Self {
        std::fs::create_dir_all(self.bin()).unwrap();
        std::fs::write(self.bin().join(format!("{name}.cmd")), format!("@{script}\r\n")).unwrap();
        self
    }

    fn prefix(&self) -> PathBuf {
        self.folder.path().join("prefix")
    }

    /// Where npm puts programs.
    fn bin(&self) -> PathBuf {
        if cfg!(windows) { self.prefix() } else { self.prefix().join("bin") }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("my data")
    }

    /// Programs in the system's folders are found too, so each test has all those before the one it is about.
    async fn find(&self) -> Methods {
        std::fs::create_dir_all(self.data()).unwrap();
        find(&self.environment(), &self.data()).await
    }

    fn environment(&self) -> Environment {
        Environment::default().with("HOME", self.folder.path()).with("PATH", self.bin())
    }
}

const NODE: &str = "echo v20.1.0";

#[tokio::test]
async fn npm_installs_globally_where_its_folder_is_writable_and_searched() {
    let home = Home::new().with("node", NODE);
    let prefix = home.prefix();
    let home = home.with("npm", &format!("echo {}", prefix.display()));
    let method = home.find().await.best.unwrap();
    let shown =
        if cfg!(windows) { "npm.cmd install -g \"@openai/codex\"" } else { "npm install -g @openai/codex" };
    assert_eq!(method.shown, shown);
    assert_eq!(method.command.program.with_extension(""), home.bin().join("npm"));
    assert_eq!(method.command.environment.path_folders()[0], home.bin(), "npm is a script that needs node");
}

#[tokio::test]
async fn npm_installs_into_the_data_folder_where_its_own_is_not_writable_or_not_searched() {
    let not_searched = Home::new().folder.keep();
    for prefix in ["/proc/none".to_owned(), not_searched.display().to_string(), String::new()] {
        let home = Home::new().with("node", NODE).with("npm", &format!("echo {prefix}"));
        let method = home.find().await.best.unwrap();
        let own = own_folder(&home.data()).display().to_string();
        assert_eq!(method.command.args, ["install", "--prefix", &own, "@openai/codex"], "{prefix}");
        let shown = if cfg!(windows) {
            format!("npm.cmd install --prefix \"{own}\" \"@openai/codex\"")
        } else {
            format!("npm install --prefix '{own}' @openai/codex")
        };
        assert_eq!(method.shown, shown);
    }
    std::fs::remove_dir_all(not_searched).unwrap();
}

#[tokio::test]
async fn an_old_node_is_reported_and_homebrew_is_used_instead_where_it_is() {
    let home = Home::new().with("node", "echo v14.21.3").with("npm", "echo /proc/none");
    let methods = home.find().await;
    if methods.best.is_none() {
        let note = methods.note.unwrap();
        assert!(note.contains("Node.js 14.21.3 is too old") && note.contains("16"), "{note}");
    }
    let home = home.with("brew", "");
    let methods = home.find().await;
    assert_eq!(methods.best.unwrap().shown, "brew install --cask codex");
    assert_eq!(methods.note, None);
}

#[tokio::test]
async fn winget_is_used_by_its_exact_id() {
    let home = Home::new().with("node", "echo v14.21.3").with("npm", "exit 1").with("winget", "");
    let method = home.find().await.best.unwrap();
    if method.manager == "winget" {
        assert!(
            method.shown.starts_with("winget install --exact --id OpenAI.Codex --accept-source-agreements")
        );
    }
}

#[test]
fn a_package_manager_that_appears_is_seen() {
    let home = Home::new();
    let environment = home.environment();
    let before = managers(&environment);
    let home = home.with("npm", "");
    assert_ne!(managers(&environment), before);
    drop(home);
}
