//! What to do after a failed installation, from its output.

/// Words in the output of npm, Homebrew or winget, in upper case, and what to do where one of them appears. The first match counts.
const ADVICE: [(&[&str], &str); 7] = [
    (
        &["EBADENGINE", "UNSUPPORTED ENGINE", "NOT COMPATIBLE WITH YOUR VERSION OF NODE", "NOTSUP"],
        "Node.js is too old for Codex. Update it from nodejs.org and try again.",
    ),
    (&["ENOSPC", "NO SPACE LEFT"], "The disk is full. Free some space and try again."),
    (
        &["CERT", "SELF SIGNED", "SELF-SIGNED"],
        "The registry's certificate isn't trusted here, as behind a company proxy. Ask for its certificate, set it with `npm config \
         set cafile PATH`, and try again.",
    ),
    (
        &[
            "ENOTFOUND",
            "ECONNREFUSED",
            "ECONNRESET",
            "ETIMEDOUT",
            "EAI_AGAIN",
            "ENETUNREACH",
            "ERR_SOCKET_TIMEOUT",
            "COULD NOT RESOLVE",
            "FAILED TO CONNECT",
            "0X80072E",
        ],
        "The registry can't be reached. Check your connection. If your network needs a proxy, set it with `npm config set proxy \
         http://HOST:PORT` or the variable HTTPS_PROXY, and try again.",
    ),
    (
        // Windows does not replace a program that runs.
        &["EBUSY", "RESOURCE BUSY OR LOCKED"],
        "A file of Codex is in use. Quit the programs that run Codex, and try again.",
    ),
    (
        &["EACCES", "EPERM", "PERMISSION DENIED", "OPERATION NOT PERMITTED", "NOT WRITABLE"],
        "A folder may not be written to. Change its owner to you, or install Codex in a terminal, and try again.",
    ),
    (
        &["E404", "404 NOT FOUND", "E401", "E403", "NO PACKAGE FOUND", "NO AVAILABLE CASK"],
        "The registry doesn't offer the package. If your company has its own registry, ask for @openai/codex there.",
    ),
];

/// Why the package manager failed and what to do, in sentences.
pub(super) fn advice(manager: &str, output: &[String], code: Option<i32>) -> String {
    let output = output.join("\n").to_uppercase();
    let known = ADVICE.iter().find(|(words, _)| words.iter().any(|word| output.contains(word)));
    match (known, code) {
        (Some((_, advice)), _) => (*advice).to_owned(),
        (None, Some(code)) => format!("{manager} failed with code {code}. Its last lines say why."),
        (None, None) => format!("{manager} was ended by the system."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str) -> String {
        advice("npm", &["npm http fetch GET 200".to_owned(), line.to_owned()], Some(1))
    }

    #[test]
    fn known_failures_come_with_their_own_advice() {
        for (line, words) in [
            ("npm error code EACCES", "may not be written"),
            ("npm error EBUSY: resource busy or locked, copyfile 'codex.exe'", "in use"),
            ("npm error network request failed, getaddrinfo ENOTFOUND registry.example", "proxy"),
            ("npm error code SELF_SIGNED_CERT_IN_CHAIN", "certificate"),
            ("npm error code ENOSPC", "disk is full"),
            ("npm WARN EBADENGINE Unsupported engine", "too old"),
            ("npm error code E404", "own registry"),
            ("npm error something else", "code 1"),
        ] {
            assert!(of(line).contains(words), "{line}: {}", of(line));
        }
    }
}
