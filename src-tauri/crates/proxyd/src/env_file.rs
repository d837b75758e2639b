//! Reads the file with variables as Windows' programs write it too: with a byte order mark, in UTF-16, and with paths whose
//! backslashes stand for themselves. dotenvy does the rest.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use proxy::settings::EnvFile;

use crate::cli::Cli;

/// What begins a path beside a drive: a share, or a folder relative to the current one, the one above or the user's.
const PATH_STARTS: [&str; 4] = [r"\\", r".\", r"..\", r"~\"];

/// The file that the user named, or else `.env` in the current folder, for the server alone; and a warning for each line that is
/// skipped.
pub(crate) fn read(cli: &Cli, current_dir: &Path) -> Result<(EnvFile, Vec<String>), String> {
    let name = cli.env_file.as_deref().unwrap_or(Path::new(".env"));
    let (path, shown) = (current_dir.join(name), name.display());
    let is_chosen = cli.env_file.is_some();
    let is_needed = is_chosen || (cli.command.is_none() && !cli.version);
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if is_chosen => return Err(format!("{shown} cannot be read: {error}")),
        Err(_) => return Ok(Default::default()),
    };
    let (mut variables, mut warnings) = (BTreeMap::new(), Vec::new());
    let (text, is_unicode) = decode(&bytes);
    if !is_unicode && is_chosen {
        return Err(format!("{shown} is not Unicode text. Save it as UTF-8"));
    } else if !is_unicode {
        warnings.push(format!(
            "{shown} is not Unicode text, so some of its characters are lost. Save it as UTF-8"
        ));
    }
    for line in dotenvy::from_read_iter(with_escaped_paths(&text).as_bytes()) {
        match line {
            Ok((name, value)) => drop(variables.insert(name, value)),
            // The text of the error is the line, which may be a secret.
            Err(_) => {
                warnings.push(format!("a line of {shown} is not of the form NAME=VALUE and is skipped"));
            }
        }
    }
    let file = EnvFile::new(name.display().to_string(), variables, is_chosen);
    if is_needed {
        return Ok((file, warnings));
    }
    if file.is_ours() && !cli.version {
        eprintln!(
            "codex-proxyd: {shown} is read by the server alone. To use its settings here too, add --env-file {shown}"
        );
    }
    Ok(Default::default())
}

/// The text of the file, and whether all of it is text. Notepad marks UTF-8 with a byte order mark, PowerShell 5 writes UTF-16.
fn decode(bytes: &[u8]) -> (String, bool) {
    let utf16 = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let units = bytes.as_chunks::<2>().0.iter().map(|pair| unit(*pair));
        let text: Result<String, _> = char::decode_utf16(units).collect();
        text.map_or_else(|_| (String::new(), false), |text| (text, bytes.len().is_multiple_of(2)))
    };
    match bytes {
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] | rest => {
            let text = String::from_utf8_lossy(rest);
            let is_unicode = matches!(text, std::borrow::Cow::Borrowed(_));
            (text.into_owned(), is_unicode)
        }
    }
}

/// Escapes the values that are paths of Windows: dotenvy takes a backslash for an escape, and skips the line.
fn with_escaped_paths(text: &str) -> String {
    text.lines().fold(String::with_capacity(text.len() + 64), |mut lines, line| {
        // Writing to a string cannot fail.
        let _ = match path_of(line) {
            Some((name, path)) => {
                let path = path.replace('\\', r"\\").replace('"', "\\\"").replace('$', r"\$");
                writeln!(lines, "{name}=\"{path}\"")
            }
            None => writeln!(lines, "{line}"),
        };
        lines
    })
}

/// The name in a line and its value, if that is a path of Windows whose backslashes are not escaped.
fn path_of(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once('=')?;
    let value = value.trim();
    if name.trim_start().starts_with('#') {
        return None;
    }
    let quote = value.chars().next().filter(|first| matches!(first, '"' | '\''));
    let path = if let Some(quote) = quote {
        let (path, rest) = value.get(1..)?.split_once(quote)?;
        let is_end = rest.is_empty() || rest.trim_start().starts_with('#');
        is_end.then_some(path)?
    } else {
        value.split_once(" #").map_or(value, |(path, _comment)| path).trim_end()
    };
    // `C:\\Users`: escaped, as it had to be before.
    let is_escaped = || path.split(|letter| letter != '\\').all(|run| run.len() % 2 == 0);
    (is_windows_path(path) && (quote == Some('\'') || !is_escaped())).then_some((name, path))
}

/// Whether the text is a path of Windows, or a list such as `web=C:\web,notes=D:\notes`.
fn is_windows_path(text: &str) -> bool {
    text.split([',', '=']).map(str::trim).any(|path| {
        let has_drive = matches!(path.as_bytes(), [drive, b':', b'\\', ..] if drive.is_ascii_alphabetic());
        has_drive || PATH_STARTS.iter().any(|start| path.starts_with(start))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The variables in the file, and the number of lines that are skipped.
    fn variables(bytes: &[u8]) -> (Vec<(String, String)>, usize) {
        let text = with_escaped_paths(&decode(bytes).0);
        let lines = dotenvy::from_read_iter(text.as_bytes());
        let (good, bad): (Vec<_>, Vec<_>) = lines.partition(Result::is_ok);
        (good.into_iter().flatten().collect(), bad.len())
    }

    fn value(line: &str) -> String {
        let (variables, skipped) = variables(format!("{line}\r\nLAST=1\r\n").as_bytes());
        assert_eq!((variables.len(), skipped), (2, 0), "{line}: {variables:?}");
        variables.into_iter().next().unwrap().1
    }

    #[test]
    fn paths_of_windows_need_no_escapes_in_any_quotes() {
        for (line, path) in [
            (r"A=C:\Users\me\new\codex.exe", r"C:\Users\me\new\codex.exe"),
            (r#"A="C:\Program Files\codex\codex.exe" # the new one"#, r"C:\Program Files\codex\codex.exe"),
            (r"A='C:\Users\Jörg & Söhne\$x'", r"C:\Users\Jörg & Söhne\$x"),
            (r"A=C:\Program Files\codex\codex.exe # the new one", r"C:\Program Files\codex\codex.exe"),
            (r"export A = C:\用户\我", r"C:\用户\我"),
            (r#"A="C:\data\""#, r"C:\data\"),
            (r"A='C:\data\'", r"C:\data\"),
            (r"A=C:\data\", r"C:\data\"),
            (r"A=\\server\c$\share", r"\\server\c$\share"),
            (r"A=..\data", r"..\data"),
            (r"A=~\notes", r"~\notes"),
            (r"A=web=C:\web,notes=D:\notes", r"web=C:\web,notes=D:\notes"),
            // Escaped, as dotenvy wants it.
            (r#"A="C:\\Users\\me""#, r"C:\Users\me"),
            (r"A=C:\\Users\\me", r"C:\Users\me"),
            // Not a path.
            (r#"A="one\ntwo""#, "one\ntwo"),
            ("A=C:/Users/me", "C:/Users/me"),
            ("A=it\\'s", "it's"),
        ] {
            assert_eq!(value(line), path, "{line}");
        }
    }

    #[test]
    fn marks_and_encodings_of_windows_programs_are_understood() {
        let text = "A=ü\r\nB=2\r\n";
        let utf16 = |unit: fn(u16) -> [u8; 2]| -> Vec<u8> {
            format!("\u{feff}{text}").encode_utf16().flat_map(unit).collect()
        };
        for bytes in [
            text.into(),
            text.replace('\r', "").into_bytes(),
            format!("\u{feff}{text}").into_bytes(),
            utf16(u16::to_le_bytes),
            utf16(u16::to_be_bytes),
        ] {
            let expected = [("A", "ü"), ("B", "2")].map(|(name, value)| (name.to_owned(), value.to_owned()));
            assert_eq!(variables(&bytes), (expected.to_vec(), 0), "{bytes:?}");
        }
        assert!(!decode(b"A=\xfc").1, "a code page of Windows");
    }

    #[test]
    fn a_line_that_is_no_variable_is_skipped_alone() {
        let (variables, skipped) = variables(b"A=1\nno variable\n# C=C:\\x\nB=C:\\x\n");
        assert_eq!((variables.len(), skipped), (2, 1), "{variables:?}");
    }
}
