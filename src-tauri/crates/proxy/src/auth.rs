//! API keys: generation, storage, comparison, redaction and limits.

mod key_file;
mod key_use;
mod keys;
mod limits;
mod recent_requests;

pub use key_file::{KeyFile, KeyFileError};
pub use key_use::{KeyUse, KeyUseError};
pub use keys::{Key, KeyEntry, MAX_KEY_NAME_CHARS, Renamed, find_key, is_key_name, without_keys};
pub(crate) use keys::{KeyDigest, bearer};
pub(crate) use limits::real_folder;
pub use limits::{InvalidLimit, KeyLimits, LimitsError, MAX_REQUESTS_PER_MINUTE};
pub use recent_requests::{RecentRequests, RequestAllowance};
