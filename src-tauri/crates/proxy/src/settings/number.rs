//! Numbers of settings: the type says the range and the unit, once for the flags, the file and the window.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

macro_rules! number {
    ($(#[$doc:meta])* $name:ident($int:ty), $range:expr, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Serialize)]
        pub struct $name(pub(super) $int);

        impl $name {
            /// The number.
            #[must_use]
            pub fn get(self) -> $int {
                self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                let number = text.trim().parse().ok().filter(|number| ($range).contains(number));
                let (min, max) = ($range).into_inner();
                number.map(Self).ok_or_else(|| format!("Write a {} from {min} to {max}.", $what))
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                text(&Value::deserialize(deserializer)?).parse().map_err(D::Error::custom)
            }
        }

        #[cfg(feature = "bindings")]
        impl ts_rs::TS for $name {
            type WithoutGenerics = Self;
            type OptionInnerType = Self;

            fn name(_: &ts_rs::Config) -> String {
                "number".to_owned()
            }

            fn inline(config: &ts_rs::Config) -> String {
                Self::name(config)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number!(
    /// A port; 0 takes a free one.
    Port(u16), 0..=65535, "port"
);
number!(
    /// How many turns run at once.
    Turns(u32), 1..=100, "number of requests"
);
number!(
    /// How many requests may wait; 0 lets none wait.
    Waiting(u32), 0..=1000, "number of requests"
);
number!(
    /// A time of up to an hour.
    Seconds(u32), 1..=3600, "number of seconds"
);
number!(
    /// A time of up to a day.
    Minutes(u32), 1..=1440, "number of minutes"
);
number!(
    /// A time of up to ten years.
    Days(u32), 1..=3650, "number of days"
);

impl From<u16> for Port {
    fn from(port: u16) -> Self {
        Self(port)
    }
}

impl Days {
    /// How long the request log is kept when nothing else is chosen.
    pub const DEFAULT: Self = Self(30);
}

/// What a person may have typed; anything but a number is refused with the same words in every layer.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
