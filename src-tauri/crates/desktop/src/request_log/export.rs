//! Exports requests as CSV or JSON, a page at a time. docs/request-log.md describes the columns.

use std::fmt::Write as _;
use std::io;
use std::path::Path;

use rusqlite::Row;
use rusqlite::types::ValueRef;
use serde_json::{Map, Value};
use tokio::io::AsyncWriteExt as _;

use super::types::{ExchangeQuery, ExportFormat};
use super::{RequestDatabase, sql};

impl RequestDatabase {
    /// Writes the matching requests to a file, newest first, and returns their number. The file is there only when it is complete.
    ///
    /// # Errors
    /// If the file cannot be written, or the database cannot be read.
    pub async fn export(
        &self,
        mut query: ExchangeQuery,
        format: ExportFormat,
        path: &Path,
    ) -> io::Result<usize> {
        let folder = path.parent().unwrap_or(Path::new("."));
        let (file, partial) = tempfile::NamedTempFile::new_in(folder)?.into_parts();
        let mut file = tokio::fs::File::from_std(file);
        let mut total = 0;
        loop {
            let page = query.clone();
            let read = self.shared.run(move |connection| {
                let (mut text, mut count) = (String::new(), 0);
                let last = sql::export(connection, &page, |names, row| {
                    let first = total + count == 0;
                    count += 1;
                    match format {
                        ExportFormat::Csv => csv_line(&mut text, names, row, first),
                        ExportFormat::Json => json_object(&mut text, names, row, first),
                    }
                })?;
                Ok((text, count, last))
            });
            let (text, count, last) =
                read.await.0.ok_or_else(|| io::Error::other("the request log cannot be read"))?;
            file.write_all(text.as_bytes()).await?;
            total += count;
            query.before = last;
            if query.before.is_none() {
                break;
            }
        }
        if format == ExportFormat::Json {
            file.write_all(if total == 0 { b"[]\n" } else { b"\n]\n" }).await?;
        }
        file.flush().await?;
        file.sync_all().await?;
        drop(file);
        partial.persist(path).map_err(|failed| match failed.error {
            // On Windows, a program such as Excel keeps others from its files.
            error if cfg!(windows) && error.kind() == io::ErrorKind::PermissionDenied && path.exists() => {
                io::Error::new(
                    error.kind(),
                    "another program has it open, or it is read-only; close it and try again",
                )
            }
            error => error,
        })?;
        Ok(total)
    }
}

/// One line after RFC 4180, after a line with the names if it is the first.
fn csv_line(text: &mut String, names: &[String], row: &Row<'_>, first: bool) -> rusqlite::Result<()> {
    if first {
        text.push_str(&names.join(","));
        text.push_str("\r\n");
    }
    for (index, name) in names.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        match value(row.get_ref(index)?, name) {
            Value::String(cell) => push_cell(text, &cell),
            Value::Null => {}
            number => drop(write!(text, "{number}")),
        }
    }
    text.push_str("\r\n");
    Ok(())
}

/// A cell of text. Programs run one that begins like a formula, so it gets an apostrophe, as OWASP advises.
fn push_cell(text: &mut String, cell: &str) {
    let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
    if formula || cell.contains([',', '"', '\r', '\n', '\'']) {
        let apostrophe = if formula { "'" } else { "" };
        let _ = write!(text, "\"{apostrophe}{}\"", cell.replace('"', "\"\""));
    } else {
        text.push_str(cell);
    }
}

fn json_object(text: &mut String, names: &[String], row: &Row<'_>, first: bool) -> rusqlite::Result<()> {
    let mut object = Map::new();
    for (index, name) in names.iter().enumerate() {
        object.insert(name.clone(), value(row.get_ref(index)?, name));
    }
    let before = if first { "[\n" } else { ",\n" };
    let _ = write!(text, "{before}{}", Value::Object(object));
    Ok(())
}

fn value(value: ValueRef<'_>, name: &str) -> Value {
    match value {
        ValueRef::Integer(flag) if name == "background" => (flag != 0).into(),
        ValueRef::Integer(number) => number.into(),
        ValueRef::Real(number) => number.into(),
        ValueRef::Text(text) | ValueRef::Blob(text) => String::from_utf8_lossy(text).into(),
        ValueRef::Null => Value::Null,
    }
}
