//! Numbers in settings. The type is the range and the unit, for flags, settings.json and the window alike.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

macro_rules! numbers {
    ($($(#[$doc:meta])* $name:ident($int:ty), $min:literal..=$max:literal, $what:literal;)+) => {$(
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
            type Err = &'static str;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let number = text.trim().parse().ok().filter(|number| ($min..=$max).contains(number));
                number.map(Self).ok_or(concat!("Enter a ", $what, " from ", $min, " to ", $max, "."))
            }
        }

        // Text counts as well, since flags and the window have nothing else.
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                super::values::text(deserializer)?.parse().map_err(D::Error::custom)
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
    )+};
}

numbers! {
    /// A TCP port; 0 picks a free one.
    Port(u16), 0..=65535, "port";
    /// Maximum number of concurrent turns.
    Turns(u32), 1..=100, "number of requests";
    /// Maximum number of queued requests; 0 disables the queue.
    Waiting(u32), 0..=1000, "number of requests";
    /// Seconds, up to an hour.
    Seconds(u32), 1..=3600, "number of seconds";
    /// Minutes, up to a day.
    Minutes(u32), 1..=1440, "number of minutes";
    /// Percent of a usage limit.
    Percent(u8), 1..=100, "percentage";
    /// Days, up to ten years.
    Days(u32), 1..=3650, "number of days";
}

impl From<u16> for Port {
    fn from(port: u16) -> Self {
        Self(port)
    }
}

impl Percent {
    /// When the app warns by default.
    pub const WARNINGS: [Self; 2] = [Self(80), Self(95)];
}

impl Days {
    /// How long the request log keeps requests by default.
    pub const DEFAULT: Self = Self(30);
}
