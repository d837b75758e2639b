//! Watches what codex reads only when it starts: the user's sign-in and settings.

use super::Home;
use super::auth_watch::AuthWatch;
use super::config_watch::ConfigWatch;
use crate::environment::Environment;

/// The user's sign-in and settings when last read.
#[derive(Debug)]
pub(crate) struct HomeWatch {
    auth: AuthWatch,
    config: ConfigWatch,
}

impl HomeWatch {
    /// Watches the user's home in `environment`, for a codex that runs with `home`.
    pub(crate) fn new(environment: &Environment, home: &Home) -> Self {
        let user_home = environment.codex_home();
        Self { auth: AuthWatch::new(user_home.as_deref()), config: ConfigWatch::new(user_home, home) }
    }

    /// What has changed since the last call, so that codex must be restarted.
    pub(crate) fn changed(&mut self) -> Option<&'static str> {
        // Both are read, so that one change restarts codex once.
        match (self.auth.changed(), self.config.changed()) {
            (true, _) => Some("sign-in"),
            (false, true) => Some("configuration"),
            (false, false) => None,
        }
    }
}
