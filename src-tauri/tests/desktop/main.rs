//! Tests of the desktop app in a virtual session, with its real window, tray item and keychain.
//!
//! Only on Linux, with Xvfb, dbus-daemon, gnome-keyring and WebKitWebDriver.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a panic in a test is its failure")]

mod accessible;
mod approvals;
mod changes;
mod closing;
mod connecting;
mod driver;
mod environment;
mod failing;
mod first_start;
mod health;
mod kept_chats;
mod keys;
mod log;
mod menu;
mod native;
mod notifications;
mod preferences;
mod screen;
mod session;
mod signing_in;
mod tray;
mod window;
