//! The script in a prompt: the directives in its `[[ … ]]`, parsed. The README lists them.

use std::time::Duration;

use crate::account_limits::Limit;
use crate::directive::{self, Directive, DirectiveError};

/// Words in an answer whose script does not say how many.
const DEFAULT_WORDS: usize = 8;
/// More than any test needs, so that a typo does not exhaust memory.
const MAX_WORDS: usize = 1_000_000;
/// Likewise.
const MAX_REASONING_PARTS: usize = 1_000;

/// The longest side of a picture, likewise.
const MAX_SIDE: u32 = 4_096;

/// Likewise.
const MAX_FINDINGS: usize = 100;

const KEYS: &str = "words every say reasoning tool shell echo status message type code retry-after times again failed \
    incomplete break silence hold usage limits limits2 allowed model reluctant findings then escalate why patch permission \
    question search cite picture picture-status picture-hold picture-size";

/// A tool call to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    /// With its arguments verbatim.
    Tool {
        name: String,
        arguments: String,
    },
    /// A command in the sandbox.
    Shell(String),
    /// A command outside the sandbox.
    Escalate(String),
    Patch(String),
    Permission(String),
    Question(String),
    /// By codex's tool, or the upstream one of older versions.
    Picture(String),
}

/// Token counts to report instead of the number of words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Usage {
    pub(crate) input: u64,
    pub(crate) cached: u64,
    pub(crate) output: u64,
    pub(crate) reasoning: u64,
}

/// Everything a prompt can script.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Script {
    pub(crate) words: Option<usize>,
    pub(crate) every: Duration,
    pub(crate) say: Option<String>,
    pub(crate) reasoning: usize,
    pub(crate) calls: Vec<Call>,
    /// Why calls need an approval.
    pub(crate) why: Option<String>,
    /// Whether it makes its calls only once a developer message says that it must.
    pub(crate) reluctant: bool,
    pub(crate) echo: bool,
    pub(crate) status: Option<u16>,
    pub(crate) message: Option<String>,
    pub(crate) error_type: Option<String>,
    pub(crate) code: Option<String>,
    pub(crate) retry_after: Option<u64>,
    pub(crate) times: Option<u32>,
    /// The text of the requests after the first `times`.
    pub(crate) again: Option<String>,
    pub(crate) failed: Option<String>,
    pub(crate) incomplete: Option<String>,
    pub(crate) break_after: Option<usize>,
    pub(crate) silence: Duration,
    pub(crate) hold: Option<usize>,
    pub(crate) usage: Option<Usage>,
    pub(crate) primary: Option<Limit>,
    pub(crate) secondary: Option<Limit>,
    pub(crate) allowed: Option<Option<bool>>,
    pub(crate) model: Option<String>,
    /// The status of the image endpoint.
    pub(crate) picture_status: Option<u16>,
    /// Whether the image endpoint waits for a release.
    pub(crate) picture_hold: bool,
    /// The width and height of a picture whose size is up to the service.
    pub(crate) picture_size: Option<(u32, u32)>,
    /// How much a review finds.
    pub(crate) findings: Option<usize>,
    /// The web searches before the text: a query each, or an action as JSON.
    pub(crate) searches: Vec<String>,
    /// What the text cites: `TEXT|URL|TITLE` each, or an annotation as JSON.
    pub(crate) citations: Vec<String>,
    /// The script that follows once all calls have results.
    pub(crate) then: Option<Box<Self>>,
}

impl Script {
    /// The script of a prompt, or `None` if it has no directives, for the demo to answer.
    pub(crate) fn parse_prompt(prompt: &str) -> Result<Option<Self>, DirectiveError> {
        let list = directive::parse_prompt(prompt, |key| KEYS.split(' ').any(|known| known == key))?;
        if list.is_empty() {
            return Ok(None);
        }
        let mut rounds = list.split(|item| item.key == "then" && item.value.is_none()).rev();
        let mut script = Self::from_directives(rounds.next().unwrap_or_default())?;
        for round in rounds {
            script = Self { then: Some(Box::new(script)), ..Self::from_directives(round)? };
            if !script.has_calls() {
                return Err(DirectiveError("no tool call before `then`".to_owned()));
            }
        }
        Ok(Some(script))
    }

    fn from_directives(list: &[Directive]) -> Result<Self, DirectiveError> {
        let mut script = Self::default();
        for item in list {
            script.apply(item)?;
        }
        Ok(script)
    }

    /// The current round of a conversation with this many results, and how many of them belong to earlier rounds.
    pub(crate) fn round(mut self, results: usize) -> (Self, usize) {
        let mut earlier = 0;
        loop {
            let count = self.calls.len();
            match self.then.take_if(|_| earlier + count <= results) {
                Some(next) => self = *next,
                None => return (self, earlier),
            }
            earlier += count;
        }
    }

    /// The number of generated words, for a script without a text.
    pub(crate) fn word_count(&self) -> usize {
        self.words.unwrap_or(DEFAULT_WORDS)
    }

    /// Whether the script itself defines the answer.
    pub(crate) fn has_content(&self) -> bool {
        self.words.is_some() || self.say.is_some() || self.echo || self.has_calls()
    }

    pub(crate) fn has_calls(&self) -> bool {
        !self.calls.is_empty()
    }

    fn apply(&mut self, item: &Directive) -> Result<(), DirectiveError> {
        match item.key.as_str() {
            "words" => self.words = Some(number::<usize>(item)?.min(MAX_WORDS)),
            "every" => self.every = millis(item)?,
            "say" => self.say = Some(text(item)?),
            "reasoning" => self.reasoning = number::<usize>(item)?.min(MAX_REASONING_PARTS),
            "tool" => self.calls.push(call(&text(item)?)),
            "shell" => self.calls.push(Call::Shell(text(item)?)),
            "escalate" => self.calls.push(Call::Escalate(text(item)?)),
            "patch" => self.calls.push(Call::Patch(text(item)?)),
            "permission" => self.calls.push(Call::Permission(text(item)?)),
            "question" => self.calls.push(Call::Question(text(item)?)),
            "picture" => self.calls.push(Call::Picture(text(item)?)),
            "picture-status" => self.picture_status = Some(status(item)?),
            "picture-hold" => self.picture_hold = true,
            "picture-size" => self.picture_size = Some(size(&text(item)?).ok_or_else(|| invalid(item))?),
            "why" => self.why = Some(text(item)?),
            "echo" => self.echo = true,
            "reluctant" => self.reluctant = true,
            "status" => self.status = Some(status(item)?),
            "message" => self.message = Some(text(item)?),
            "type" => self.error_type = Some(text(item)?),
            "code" => self.code = Some(text(item)?),
            "retry-after" => self.retry_after = Some(number(item)?),
            "times" => self.times = Some(number(item)?),
            "again" => self.again = Some(text(item)?),
            "failed" => self.failed = Some(text(item)?),
            "incomplete" => self.incomplete = Some(text(item)?),
            "break" => self.break_after = Some(number(item)?),
            "silence" => self.silence = millis(item)?,
            "hold" => self.hold = Some(number(item)?),
            "usage" => self.usage = Some(usage(item)?),
            "limits" => self.primary = Some(limit(item)?),
            "limits2" => self.secondary = Some(limit(item)?),
            "allowed" => self.allowed = Some(allowed(item)?),
            "model" => self.model = Some(text(item)?),
            "findings" => self.findings = Some(number::<usize>(item)?.min(MAX_FINDINGS)),
            "search" => self.searches.push(text(item)?),
            "cite" => self.citations.push(text(item)?),
            // Without a value, it has been split off as the separator of two scripts.
            "then" => return Err(invalid(item)),
            other => return Err(DirectiveError(format!("unknown directive `{other}`"))),
        }
        Ok(())
    }
}

fn invalid(item: &Directive) -> DirectiveError {
    let Directive { key, value } = item;
    match value {
        Some(value) => DirectiveError(format!("`{value}` is not a valid value for `{key}`")),
        None => DirectiveError(format!("`{key}` needs a value")),
    }
}

fn text(item: &Directive) -> Result<String, DirectiveError> {
    item.value.clone().ok_or_else(|| invalid(item))
}

fn number<T: std::str::FromStr>(item: &Directive) -> Result<T, DirectiveError> {
    text(item)?.parse().map_err(|_| invalid(item))
}

fn numbers<T: std::str::FromStr, const N: usize>(item: &Directive) -> Result<[T; N], DirectiveError> {
    let all: Result<Vec<T>, _> = text(item)?.split(',').map(str::parse).collect();
    all.map_err(|_| invalid(item))?.try_into().map_err(|_| invalid(item))
}

fn millis(item: &Directive) -> Result<Duration, DirectiveError> {
    Ok(Duration::from_millis(number(item)?))
}

fn status(item: &Directive) -> Result<u16, DirectiveError> {
    // After a success or a redirect, codex would wait for a stream.
    let status = number(item)?;
    if (400..=599).contains(&status) { Ok(status) } else { Err(invalid(item)) }
}

fn usage(item: &Directive) -> Result<Usage, DirectiveError> {
    let [input, cached, output, reasoning] = numbers(item)?;
    Ok(Usage { input, cached, output, reasoning })
}

fn limit(item: &Directive) -> Result<Limit, DirectiveError> {
    let value = text(item)?;
    let (percent, rest) = value.split_once(',').ok_or_else(|| invalid(item))?;
    let rest = Directive { key: item.key.clone(), value: Some(rest.to_owned()) };
    let [window_minutes, reset] = numbers(&rest)?;
    Ok(Limit::new(percent.parse().map_err(|_| invalid(item))?, window_minutes, reset))
}

/// Parses `WIDTHxHEIGHT`.
pub(crate) fn size(text: &str) -> Option<(u32, u32)> {
    let (width, height) = text.split_once('x')?;
    let side = |text: &str| text.parse().ok().filter(|side| (1..=MAX_SIDE).contains(side));
    Some((side(width)?, side(height)?))
}

fn allowed(item: &Directive) -> Result<Option<bool>, DirectiveError> {
    match text(item)?.as_str() {
        "true" => Ok(Some(true)),
        "false" => Ok(Some(false)),
        "unknown" => Ok(None),
        _ => Err(invalid(item)),
    }
}

/// Parses `NAME:ARGUMENTS`, or a name alone, whose arguments are an empty object.
fn call(value: &str) -> Call {
    let (name, arguments) = value.split_once(':').unwrap_or((value, "{}"));
    Call::Tool { name: name.to_owned(), arguments: arguments.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(prompt: &str) -> Script {
        Script::parse_prompt(prompt).unwrap().unwrap()
    }

    #[test]
    fn a_prompt_without_directives_has_no_script() {
        assert_eq!(Script::parse_prompt("What does [[ -f x ]] do?").unwrap(), None);
    }

    #[test]
    fn numbers_durations_and_lists_are_parsed() {
        let read = script(
            "[[words=3 every=5 silence=20 hold=0 usage=10,4,2,1 limits=42.5,300,777 break=2 times=1]]",
        );
        assert_eq!(
            (read.word_count(), read.hold, read.break_after, read.times),
            (3, Some(0), Some(2), Some(1))
        );
        assert_eq!(read.every, Duration::from_millis(5));
        assert_eq!(read.usage, Some(Usage { input: 10, cached: 4, output: 2, reasoning: 1 }));
        let limit = read.primary.unwrap();
        assert_eq!((limit.used_percent, limit.window_minutes), (42.5, 300));
        assert!(limit.reset_after() <= Duration::from_secs(777));
        assert_eq!(script("[[silence=1]]").word_count(), DEFAULT_WORDS);
    }

    #[test]
    fn the_arguments_of_a_call_are_verbatim() {
        let read = script(r#"[[ tool=f:{"a" :1,  "b":"x y"} tool=g ]]"#);
        let exact = Call::Tool { name: "f".to_owned(), arguments: r#"{"a" :1,  "b":"x y"}"#.to_owned() };
        assert_eq!(read.calls, [exact, Call::Tool { name: "g".to_owned(), arguments: "{}".to_owned() }]);
    }

    #[test]
    fn a_mistake_is_named() {
        let error = |prompt| Script::parse_prompt(prompt).unwrap_err().to_string();
        assert_eq!(error("[[words=many]]"), "`many` is not a valid value for `words`");
        assert_eq!(error("[[words=1 wrods=2]]"), "unknown directive `wrods`");
        assert_eq!(error("[[status=200]]"), "`200` is not a valid value for `status`");
        assert_eq!(error("[[allowed=maybe]]"), "`maybe` is not a valid value for `allowed`");
        assert_eq!(error("[[say]]"), "`say` needs a value");
        assert_eq!(error("[[tool=f then=x]]"), "`x` is not a valid value for `then`");
        assert_eq!(error("[[say=a then say=b]]"), "no tool call before `then`");
    }
}
