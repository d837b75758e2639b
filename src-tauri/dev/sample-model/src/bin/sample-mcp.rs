//! An MCP server over stdio whose tools ask the user. The README describes them.

use std::collections::HashMap;
use std::io::{self, BufRead, Write};

use serde_json::{Value, json};

fn main() -> io::Result<()> {
    let (stdin, mut stdout) = (io::stdin().lock(), io::stdout().lock());
    // The call that waits for each of our requests.
    let mut waiting: HashMap<String, Value> = HashMap::new();
    for line in stdin.lines() {
        let Ok(message) = serde_json::from_str::<Value>(&line?) else { continue };
        let id = &message["id"];
        let reply = match message["method"].as_str() {
            Some("initialize") => result(id, &initialized(&message["params"]["protocolVersion"])),
            Some("tools/list") => {
                let tools =
                    [tool("form", true), tool("url", true), tool("change", false), tool("lookup", true)];
                result(id, &json!({"tools": tools}))
            }
            Some("tools/call") => match elicitation(&message["params"]["name"]) {
                Some(params) => {
                    let asked = format!("ask-{id}");
                    waiting.insert(asked.clone(), id.clone());
                    json!({"jsonrpc": "2.0", "id": asked, "method": "elicitation/create", "params": params})
                }
                None => result(id, &text(&message["params"]["arguments"])),
            },
            // Everything else that expects an answer.
            Some(_) if !id.is_null() => result(id, &json!({})),
            Some(_) => continue,
            None => match id.as_str().and_then(|asked| waiting.remove(asked)) {
                Some(call) => result(&call, &text(&message["result"])),
                None => continue,
            },
        };
        writeln!(stdout, "{reply}")?;
        stdout.flush()?;
    }
    Ok(())
}

fn result(id: &Value, result: &Value) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "result": result})
}

fn initialized(version: &Value) -> Value {
    let info = json!({"name": "sample-mcp", "version": "1.0.0"});
    json!({"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": info})
}

fn tool(name: &str, only_reads: bool) -> Value {
    json!({"name": name, "description": "A sample.", "inputSchema": {"type": "object", "properties": {}},
        "annotations": {"readOnlyHint": only_reads}})
}

/// What the tool asks the user.
fn elicitation(tool: &Value) -> Option<Value> {
    match tool.as_str()? {
        "form" => Some(json!({
            "mode": "form", "message": "Who are you?",
            "requestedSchema": {"type": "object", "required": ["name"], "properties": {
                "name": {"type": "string", "title": "Your name"},
                "age": {"type": "integer", "description": "In years"},
                "member": {"type": "boolean", "default": false},
                "colour": {"type": "string", "oneOf": [{"const": "red", "title": "Red"}, {"const": "blue", "title": "Blue"}]},
                "days": {"type": "array", "items": {"type": "string", "enum": ["Monday", "Friday"]}},
            }},
        })),
        "url" => Some(json!({
            "mode": "url", "message": "Sign in there.", "url": "https://example.com/sign-in", "elicitationId": "1",
        })),
        _ => None,
    }
}

fn text(value: &Value) -> Value {
    json!({"content": [{"type": "text", "text": value.to_string()}]})
}
