//! The limits of turns that a user may set: what each may be, and what it is called in every layer.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use super::SettingsError;
use super::layers::{Flags, Layers};

/// How many turns run and wait, and for how long. The names are those in the settings file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TurnLimits {
    /// Turns that run at once.
    pub max_turns: u32,
    /// Requests that wait for their place; 0 lets nobody wait.
    pub max_waiting: u32,
    /// How long one waits at most.
    pub max_wait_seconds: u32,
    /// How long a turn may take.
    pub turn_limit_minutes: u32,
    /// How long codex may say nothing within a turn.
    pub silence_limit_minutes: u32,
}

impl Default for TurnLimits {
    fn default() -> Self {
        Self {
            max_turns: 8,
            max_waiting: 64,
            max_wait_seconds: 120,
            turn_limit_minutes: 60,
            silence_limit_minutes: 10,
        }
    }
}

/// One of these limits.
pub struct Limit {
    flag: &'static str,
    variable: &'static str,
    /// The name in the settings file.
    name: &'static str,
    unit: &'static str,
    range: RangeInclusive<u32>,
}

/// See [`TurnLimits`].
pub const MAX_TURNS: Limit =
    Limit { flag: "--max-turns", variable: "MAX_TURNS", name: "max_turns", unit: "requests", range: 1..=100 };

/// See [`TurnLimits`].
pub const MAX_WAITING: Limit = Limit {
    flag: "--max-waiting",
    variable: "MAX_WAITING",
    name: "max_waiting",
    unit: "requests",
    range: 0..=1000,
};

/// See [`TurnLimits`].
pub const MAX_WAIT: Limit = Limit {
    flag: "--max-wait",
    variable: "MAX_WAIT",
    name: "max_wait_seconds",
    unit: "seconds",
    range: 1..=3600,
};

/// See [`TurnLimits`].
pub const TURN_LIMIT: Limit = Limit {
    flag: "--turn-limit",
    variable: "TURN_LIMIT",
    name: "turn_limit_minutes",
    unit: "minutes",
    range: 1..=1440,
};

/// See [`TurnLimits`].
pub const SILENCE_LIMIT: Limit = Limit {
    flag: "--silence-limit",
    variable: "SILENCE_LIMIT",
    name: "silence_limit_minutes",
    unit: "minutes",
    range: 1..=1440,
};

impl Limit {
    /// The number that a text says.
    ///
    /// # Errors
    /// A sentence about what it should say.
    pub fn read(&self, text: &str) -> Result<u32, String> {
        let number = text.parse().ok().filter(|number| self.range.contains(number));
        number.ok_or_else(|| format!("{}.", self.wanted()))
    }

    fn wanted(&self) -> String {
        format!("Write a number of {} from {} to {}", self.unit, self.range.start(), self.range.end())
    }

    fn of_layers(
        &self,
        layers: &Layers<'_>,
        flag: &Option<String>,
        usual: u32,
    ) -> Result<u32, SettingsError> {
        let given = layers.value(flag, self.flag, self.variable);
        given.map_or(Ok(usual), |given| given.parse(|text| self.read(text).ok(), &self.wanted()))
    }
}

impl TurnLimits {
    pub(super) fn from_layers(layers: &Layers<'_>) -> Result<Self, SettingsError> {
        let (Flags { max_turns, max_waiting, max_wait, turn_limit, silence_limit, .. }, usual) =
            (layers.flags, Self::default());
        Ok(Self {
            max_turns: MAX_TURNS.of_layers(layers, max_turns, usual.max_turns)?,
            max_waiting: MAX_WAITING.of_layers(layers, max_waiting, usual.max_waiting)?,
            max_wait_seconds: MAX_WAIT.of_layers(layers, max_wait, usual.max_wait_seconds)?,
            turn_limit_minutes: TURN_LIMIT.of_layers(layers, turn_limit, usual.turn_limit_minutes)?,
            silence_limit_minutes: SILENCE_LIMIT.of_layers(
                layers,
                silence_limit,
                usual.silence_limit_minutes,
            )?,
        })
    }

    /// What is out of its bounds, which only an edit of the file by hand can bring about.
    pub fn contradiction(&self) -> Option<String> {
        [
            (&MAX_TURNS, self.max_turns),
            (&MAX_WAITING, self.max_waiting),
            (&MAX_WAIT, self.max_wait_seconds),
            (&TURN_LIMIT, self.turn_limit_minutes),
            (&SILENCE_LIMIT, self.silence_limit_minutes),
        ]
        .into_iter()
        .find(|(limit, number)| !limit.range.contains(number))
        .map(|(Limit { name, range, .. }, _)| {
            format!("{name} is not from {} to {}", range.start(), range.end())
        })
    }
}
