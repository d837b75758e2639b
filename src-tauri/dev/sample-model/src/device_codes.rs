//! The codes for a sign-in on another device.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Device codes that are kept. When full, all are forgotten.
const MAX_DEVICE_CODES: usize = 64;

/// The device codes handed out so far.
#[derive(Debug, Default)]
pub(crate) struct DeviceCodes(Mutex<BTreeMap<String, Decision>>);

/// What was entered on the page for device codes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Decision {
    Pending,
    Approved { email: String },
    Denied,
}

impl DeviceCodes {
    pub(crate) fn issue(&self) -> String {
        let mut codes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if codes.len() >= MAX_DEVICE_CODES {
            codes.clear();
        }
        let code = format!("SMPL-{:05}", codes.len() + 1);
        codes.insert(code.clone(), Decision::Pending);
        code
    }

    pub(crate) fn decision(&self, code: &str) -> Option<Decision> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(code).cloned()
    }

    /// Decides on this code, or on all that are pending, and returns how many that were.
    pub(crate) fn decide(&self, code: Option<&str>, decision: &Decision) -> usize {
        let mut codes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let pending = codes.iter_mut().filter(|(_, known)| **known == Decision::Pending);
        let chosen = pending.filter(|(known, _)| code.is_none_or(|code| code == *known));
        chosen.map(|(_, known)| *known = decision.clone()).count()
    }
}
