//! The calls that a script makes, in the form of the tools that this version of codex offers.

use serde_json::{Value, json};

use crate::conversation;
use crate::script::Call;

/// A call in an answer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ToolCall {
    pub(crate) name: String,
    pub(crate) arguments: String,
    pub(crate) free_text: bool,
}

/// codex's tool for pictures.
const IMAGE_TOOL: &str = "image_gen.imagegen";

/// The tool for pictures of the Responses API, which codex offers before 0.145.
pub(crate) const HOSTED_IMAGE_TOOL: &str = "image_generation";

/// The call that answers a request whose only purpose is a picture: codex offers nothing else that acts.
pub(crate) fn picture(body: &Value, prompt: &str) -> Option<Call> {
    let tools = conversation::tool_names(body);
    let is_picture = |tool: &String| tool == IMAGE_TOOL || tool == HOSTED_IMAGE_TOOL;
    // What older versions of codex add to every prompt.
    let is_idle = |tool: &String| {
        tool.starts_with("skills.")
            || ["update_plan", "request_user_input", "view_image"].contains(&tool.as_str())
    };
    if !tools.iter().any(is_picture) || !tools.iter().all(|tool| is_picture(tool) || is_idle(tool)) {
        return None;
    }
    let images = prompt.lines().filter(|line| *line == "[image]").count();
    let text: Vec<&str> = prompt.lines().filter(|line| *line != "[image]").collect();
    let mut arguments = json!({ "prompt": text.join("\n") });
    if images > 0 {
        arguments["num_last_images_to_include"] = images.into();
    }
    Some(Call::Picture(arguments.to_string()))
}

/// The call to make; what is missing when codex does not offer the tool.
pub(crate) fn tool_call(body: &Value, call: &Call, why: Option<&str>) -> Result<ToolCall, &'static str> {
    let function = |name: &str, arguments: &Value| ToolCall {
        name: name.to_owned(),
        arguments: arguments.to_string(),
        free_text: false,
    };
    match call {
        Call::Tool { name, arguments } => Ok(ToolCall {
            name: name.clone(),
            arguments: arguments.clone(),
            free_text: conversation::takes_free_text(body, name),
        }),
        Call::Shell(command) => shell(body, command, |_| json!({})),
        Call::Escalate(command) => shell(body, command, |parameters| {
            let why = why.unwrap_or("May I?");
            if parameters["sandbox_permissions"].is_object() {
                json!({ "sandbox_permissions": "require_escalated", "justification": why })
            } else {
                json!({ "with_escalated_permissions": true, "justification": why })
            }
        }),
        Call::Patch(patch) if conversation::takes_free_text(body, "apply_patch") => {
            Ok(ToolCall { name: "apply_patch".to_owned(), arguments: whole_patch(patch), free_text: true })
        }
        Call::Patch(patch) if has(body, "apply_patch") => {
            Ok(function("apply_patch", &json!({ "input": whole_patch(patch) })))
        }
        Call::Patch(patch) => {
            let command = format!("apply_patch <<'EOF'\n{}EOF\n", whole_patch(patch));
            shell(body, &command, |_| json!({}))
        }
        Call::Permission(wanted) if has(body, "request_permissions") => {
            let permissions = permissions(wanted);
            Ok(function("request_permissions", &json!({ "permissions": permissions, "reason": why })))
        }
        Call::Permission(_) => Err("No tool for permissions is offered."),
        Call::Question(asked) if has(body, "request_user_input") => {
            Ok(function("request_user_input", &json!({ "questions": questions(asked) })))
        }
        Call::Question(_) => Err("No tool for questions is offered."),
        Call::Picture(wanted) if has(body, IMAGE_TOOL) => {
            let prompt = || json!({ "prompt": wanted }).to_string();
            let arguments = if wanted.starts_with('{') { wanted.clone() } else { prompt() };
            Ok(ToolCall { name: IMAGE_TOOL.to_owned(), arguments, free_text: false })
        }
        Call::Picture(wanted) if has(body, HOSTED_IMAGE_TOOL) => {
            let (name, arguments) = (HOSTED_IMAGE_TOOL.to_owned(), wanted.clone());
            Ok(ToolCall { name, arguments, free_text: false })
        }
        Call::Picture(_) => Err("No tool for pictures is offered."),
    }
}

fn has(body: &Value, name: &str) -> bool {
    conversation::tool_names(body).iter().any(|tool| tool == name)
}

/// A call of the shell tool, whose name and arguments differ between versions of codex. `more` adds arguments, by the tool's
/// parameters.
fn shell(body: &Value, command: &str, more: impl Fn(&Value) -> Value) -> Result<ToolCall, &'static str> {
    let command = [
        ("exec_command", json!({ "cmd": command })),
        ("shell_command", json!({ "command": command })),
        ("shell", json!({ "command": ["sh", "-c", command] })),
    ];
    let tools = body["tools"].as_array().map(Vec::as_slice).unwrap_or_default();
    for (name, mut arguments) in command {
        if let Some(tool) = tools.iter().find(|tool| tool["name"] == name) {
            if let (Some(arguments), Value::Object(more)) =
                (arguments.as_object_mut(), more(&tool["parameters"]["properties"]))
            {
                arguments.extend(more);
            }
            return Ok(ToolCall {
                name: name.to_owned(),
                arguments: arguments.to_string(),
                free_text: false,
            });
        }
    }
    Err("No shell tool is offered.")
}

/// A patch as it is, or one that adds the file of `FILE:TEXT`.
fn whole_patch(patch: &str) -> String {
    match patch.split_once(':') {
        Some((file, text)) if !patch.starts_with("***") => {
            let lines: String = text.lines().map(|line| format!("+{line}\n")).collect();
            format!("*** Begin Patch\n*** Add File: {file}\n{lines}*** End Patch\n")
        }
        _ => patch.to_owned(),
    }
}

/// `network`, `read:PATH` or `write:PATH`, or the permissions as JSON.
fn permissions(wanted: &str) -> Value {
    match wanted.split_once(':') {
        _ if wanted == "network" => json!({ "network": { "enabled": true } }),
        Some((access @ ("read" | "write"), path)) => json!({ "file_system": { access: [path] } }),
        _ => serde_json::from_str(wanted).unwrap_or_default(),
    }
}

/// `Question?|Answer|Answer`, or the questions as JSON.
fn questions(asked: &str) -> Value {
    if let Ok(Value::Array(questions)) = serde_json::from_str(asked) {
        return questions.into();
    }
    let mut parts = asked.split('|');
    let question = parts.next().unwrap_or_default();
    let options: Vec<Value> =
        parts.map(|label| json!({ "label": label, "description": format!("Take {label}.") })).collect();
    json!([{ "id": "answer", "header": "Question", "question": question, "options": options }])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body() -> Value {
        let function = |name: &str, properties: Value| json!({"type": "function", "name": name, "parameters": {"properties": properties}});
        json!({"tools": [function("exec_command", json!({"sandbox_permissions": {}})), {"type": "custom", "name": "apply_patch"},
            function("request_permissions", json!({})), function("request_user_input", json!({}))]})
    }

    fn made(body: &Value, call: &Call) -> (String, String) {
        let call = tool_call(body, call, Some("why")).unwrap();
        (call.name, call.arguments)
    }

    #[test]
    fn calls_that_ask_have_the_form_of_the_offered_tools() {
        let body = body();
        for (call, name, arguments) in [
            (
                Call::Escalate("touch x".into()),
                "exec_command",
                r#"{"cmd":"touch x","sandbox_permissions":"require_escalated","justification":"why"}"#,
            ),
            (
                Call::Patch("a.txt:one\ntwo".into()),
                "apply_patch",
                "*** Begin Patch\n*** Add File: a.txt\n+one\n+two\n*** End Patch\n",
            ),
            (
                Call::Permission("write:/x".into()),
                "request_permissions",
                r#"{"permissions":{"file_system":{"write":["/x"]}},"reason":"why"}"#,
            ),
            (
                Call::Question("Red?|Yes".into()),
                "request_user_input",
                r#"{"questions":[{"id":"answer","header":"Question","question":"Red?","options":[{"label":"Yes","description":"Take Yes."}]}]}"#,
            ),
        ] {
            assert_eq!(made(&body, &call), (name.to_owned(), arguments.to_owned()));
        }
    }

    #[test]
    fn an_older_shell_tool_escalates_in_its_own_words() {
        let body = json!({"tools": [{"type": "function", "name": "shell"}]});
        let (name, arguments) = made(&body, &Call::Escalate("x".into()));
        assert_eq!(name, "shell");
        assert_eq!(
            arguments,
            r#"{"command":["sh","-c","x"],"with_escalated_permissions":true,"justification":"why"}"#
        );
        let (_, patch) = made(&body, &Call::Patch("*** Begin Patch\n*** End Patch\n".into()));
        assert!(patch.contains("apply_patch <<'EOF'"), "{patch}");
    }

    #[test]
    fn a_missing_tool_is_named() {
        let missing = |call| tool_call(&json!({}), &call, None).unwrap_err();
        assert_eq!(missing(Call::Shell("x".into())), "No shell tool is offered.");
        assert_eq!(missing(Call::Question("x".into())), "No tool for questions is offered.");
    }
}
