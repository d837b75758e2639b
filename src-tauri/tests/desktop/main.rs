//! The desktop app as a person uses it: its real window on a screen nobody sees, its tray item on a session bus of its own, its
//! keys in a real keychain.
//!
//! On Linux only, where all of that can be had without a person: Xvfb, dbus-daemon, gnome-keyring and WebKitWebDriver.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a panic in a test is its failure")]

mod closing;
mod connecting;
mod driver;
mod keys;
mod log;
mod menu;
mod preferences;
mod screen;
mod session;
mod tray;
mod window;
