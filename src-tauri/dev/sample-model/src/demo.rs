//! Answers prompts without directives, for users who try the demo.
//!
//! Tests must not rely on the wording.

/// Length limit of a quoted question.
const QUOTED_CHARS: usize = 120;

pub(crate) fn answer(prompt: &str) -> String {
    let question = prompt.split_whitespace().filter(|word| *word != "[image]").collect::<Vec<_>>().join(" ");
    let known = canned_answer(&question.to_lowercase());
    let opening = "I am the **built-in sample model**, a stand-in that runs on your own computer.";
    if question.is_empty() {
        return format!("Hello! {opening} Ask me anything: nothing leaves this machine.");
    }
    match known {
        Some(text) => format!("{text}\n\n---\n*{}*", opening.replace("**", "")),
        None => format!(
            "{opening} You asked:\n\n> {}\n\nI have no real knowledge, so I cannot answer that. But your question \
             took the same path as to OpenAI, and this answer was streamed back word by word. Sign in to Codex \
             (`codex login`) and turn the demo off to talk to a real model. Meanwhile, try one of these:\n\n\
             - What is 2+2?\n- What is the capital of France?\n- Tell me a joke.\n- Explain quantum computing.",
            quoted(&question)
        ),
    }
}

fn canned_answer(question: &str) -> Option<&'static str> {
    let has = |words: &[&str]| words.iter().all(|word| question.contains(word));
    let compact = question.replace(' ', "");
    Some(if compact.contains("2+2") || has(&["two plus two"]) {
        "2 + 2 = **4**."
    } else if has(&["capital", "france"]) || has(&["hauptstadt", "frankreich"]) {
        "The capital of France is **Paris**."
    } else if has(&["joke"]) || has(&["witz"]) {
        "Why do programmers mix up Halloween and Christmas?\n\nBecause **Oct 31 = Dec 25**."
    } else if has(&["quantum"]) {
        "### Quantum computing, briefly\n\n\
         A classical bit is 0 or 1. A **qubit** can be in a *superposition* of both, and several qubits can be \
         *entangled*, so that they are only described together. A quantum algorithm lets the amplitudes of wrong \
         answers cancel and those of right answers add up:\n\n\
         1. **Prepare** the qubits in a known state.\n\
         2. **Compute** with quantum gates, which steer the interference.\n\
         3. **Measure**, which leaves ordinary bits.\n\n\
         It speeds up some problems, such as factoring (Shor) and search (Grover), and most others not at all."
    } else if ["hi", "hello", "hey", "hallo"].contains(&question.trim_end_matches(['!', '.', '?'])) {
        "Hello! How nice that you are trying this out. Ask me for the capital of France, or for a joke."
    } else {
        return None;
    })
}

fn quoted(question: &str) -> String {
    let mut quote: String = question.chars().take(QUOTED_CHARS).collect();
    if quote.len() < question.len() {
        quote.push('…');
    }
    quote
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_questions_are_answered_and_the_rest_quoted() {
        assert!(answer("What is 2 + 2?").contains("**4**"));
        assert!(answer("Capital of France?").contains("Paris"));
        let other = answer(&format!("Why {}", "very ".repeat(100)));
        assert!(other.contains("sample model") && other.contains("> Why very") && other.contains('…'));
    }
}
