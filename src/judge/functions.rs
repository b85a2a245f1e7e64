//! Functions, methods and the two macros: arity, types, literals checked early.

use std::ops::Range;

use regex::RegexBuilder;

use super::duration;
use super::syntax::{Expr, Node, Word};
use super::types::{Op, Quantifier, TextTest, Ty, Typed};
use super::typing::{Checker, as_type, constant};
use super::{ExpectationError, words};
use crate::probe::{Type, Value};

const FUNCTIONS: [&str; 8] = [
    "size",
    "has",
    "string",
    "double",
    "bool",
    "abs",
    "duration",
    "timestamp",
];
const METHODS: [&str; 7] = [
    "contains",
    "startsWith",
    "endsWith",
    "matches",
    "size",
    "all",
    "exists",
];

/// A compiled pattern above this many bytes is refused: `(a{1000}){1000}` is
/// short to write and 30 MB to hold.
const PATTERN_LIMIT: usize = 1 << 20;

type Checked = Result<Typed, ExpectationError>;

impl Checker<'_> {
    /// `function(arguments)`, or a map-typed fact looked up by call.
    pub(super) fn call(
        &mut self,
        function: &Word,
        arguments: &[Expr],
        span: Range<usize>,
    ) -> Checked {
        if !FUNCTIONS.contains(&function.text.as_str()) {
            return self.call_of_fact(function, arguments, span);
        }
        let [argument] = arguments else {
            return Err(arity(&function.text, 1, arguments.len(), span));
        };
        if function.text == "has" {
            return self.has(argument, span);
        }
        let argument = self.check(argument)?;
        match function.text.as_str() {
            "size" => self.size(argument, span),
            "abs" => self.absolute(argument, span),
            "duration" => self.duration(argument, span),
            "timestamp" => self.timestamp(argument, span),
            "string" => {
                let wanted = [
                    Ty::Bool,
                    Ty::Number,
                    Ty::Text,
                    Ty::Duration,
                    Ty::Time,
                    Ty::Json,
                ];
                self.convert(argument, Ty::Text, &wanted, span)
            }
            "double" => self.convert(
                argument,
                Ty::Number,
                &[Ty::Number, Ty::Text, Ty::Json],
                span,
            ),
            _ => self.convert(argument, Ty::Bool, &[Ty::Bool, Ty::Text, Ty::Json], span),
        }
    }

    fn call_of_fact(&mut self, word: &Word, arguments: &[Expr], span: Range<usize>) -> Checked {
        let Some(fact) = self.facts.iter().find(|fact| fact.name == word.text) else {
            if METHODS.contains(&word.text.as_str()) {
                return Err(ExpectationError::new(
                    word.span.clone(),
                    format!("`{}` is asked of a value", word.text),
                )
                .suggest(format!("write `x.{}(…)`", word.text)));
            }
            let maps = self
                .facts
                .iter()
                .filter(|fact| matches!(fact.ty, Type::Map(_)))
                .map(|fact| fact.name);
            return Err(Self::unknown_word(
                word,
                "function",
                FUNCTIONS.into_iter().chain(maps),
            ));
        };
        let Type::Map(element) = fact.ty else {
            let ty = Ty::from(&fact.ty);
            return Err(ExpectationError::new(
                span,
                format!("`{}` is a fact ({ty}), not a function", word.text),
            )
            .suggest(format!("write `{}` alone", word.text)));
        };
        let [key] = arguments else {
            return Err(arity(&word.text, 1, arguments.len(), span));
        };
        let map = Typed::new(
            Op::Fact(word.text.clone()),
            Ty::Map(Box::new(Ty::from(element))),
            word.span.clone(),
        );
        let key = self.check(key)?;
        self.step(map, key, span)
    }

    fn has(&mut self, argument: &Expr, span: Range<usize>) -> Checked {
        let path = self.check(argument)?;
        match path.op {
            Op::Fact(_) | Op::Key(..) | Op::Member(..) | Op::Element(..) => {
                Ok(Typed::new(Op::Has(Box::new(path)), Ty::Bool, span))
            }
            _ => Err(ExpectationError::new(
                path.span,
                "has() asks for a fact or for a step into one",
            )
            .suggest("write has(fact), has(map['key']) or has(json.member)")),
        }
    }

    fn size(&self, argument: Typed, span: Range<usize>) -> Checked {
        match argument.ty {
            Ty::Text | Ty::List(_) | Ty::Map(_) | Ty::Json => {
                Ok(Typed::new(Op::Size(Box::new(argument)), Ty::Number, span))
            }
            _ => Err(self.wrong_argument("size", "text, a list, a map or JSON", &argument)),
        }
    }

    fn absolute(&self, argument: Typed, span: Range<usize>) -> Checked {
        match argument.ty.clone() {
            ty @ (Ty::Number | Ty::Duration) => {
                Ok(Typed::new(Op::Absolute(Box::new(argument)), ty, span))
            }
            _ => Err(self.wrong_argument("abs", "a number or a duration", &argument)),
        }
    }

    fn duration(&self, argument: Typed, span: Range<usize>) -> Checked {
        match &argument.op {
            Op::Constant(Value::Text(text)) => match duration::parse(text) {
                Ok(value) => Ok(constant(Value::Duration(value), Ty::Duration, span)),
                Err(problem) => {
                    let suggestion = if text.parse::<f64>().is_ok() {
                        format!(
                            "write its unit: duration('{text}s'), duration('{text}m') or duration('{text}h')"
                        )
                    } else {
                        "write duration('25h'), duration('1h30m') or duration('7d')".to_owned()
                    };
                    Err(ExpectationError::new(argument.span.clone(), problem).suggest(suggestion))
                }
            },
            Op::Constant(Value::Number(_)) => {
                let number = self.text(&argument.span);
                Err(ExpectationError::new(argument.span.clone(), "a duration needs its unit").suggest(format!(
                    "write duration('{number}s'), duration('{number}m') or duration('{number}h')"
                )))
            }
            _ => self.convert(argument, Ty::Duration, &[Ty::Text, Ty::Json], span),
        }
    }

    fn timestamp(&self, argument: Typed, span: Range<usize>) -> Checked {
        match &argument.op {
            Op::Constant(Value::Text(text)) => match text.parse() {
                Ok(value) => Ok(constant(Value::Time(value), Ty::Time, span)),
                Err(_) => Err(ExpectationError::new(
                    argument.span.clone(),
                    "not a time of RFC 3339 with its offset",
                )
                .suggest("write timestamp('2026-06-05T18:55:04+08:00')")),
            },
            _ => self.convert(argument, Ty::Time, &[Ty::Number, Ty::Text, Ty::Json], span),
        }
    }

    fn convert(&self, argument: Typed, ty: Ty, wanted: &[Ty], span: Range<usize>) -> Checked {
        if wanted.contains(&argument.ty) {
            return Ok(Typed::new(Op::Convert(Box::new(argument)), ty, span));
        }
        let names: Vec<String> = wanted.iter().map(ToString::to_string).collect();
        let function = match ty {
            Ty::Text => "string",
            Ty::Number => "double",
            Ty::Bool => "bool",
            Ty::Time => "timestamp",
            _ => "duration",
        };
        Err(self.wrong_argument(function, &words::either(&names), &argument))
    }

    fn wrong_argument(&self, function: &str, wanted: &str, argument: &Typed) -> ExpectationError {
        let message = format!(
            "{function}() takes {wanted}, and `{}` is {}",
            self.text(&argument.span),
            argument.ty
        );
        let error = ExpectationError::new(argument.span.clone(), message);
        if argument.ty == Ty::Json {
            return error.suggest(format!(
                "say {function}(double({}))",
                self.text(&argument.span)
            ));
        }
        error
    }

    /// `on.method(arguments)`.
    pub(super) fn method(
        &mut self,
        on: &Expr,
        method: &Word,
        arguments: &[Expr],
        span: Range<usize>,
    ) -> Checked {
        let name = method.text.as_str();
        if !METHODS.contains(&name) {
            if FUNCTIONS.contains(&name) {
                return Err(ExpectationError::new(
                    method.span.clone(),
                    format!("{name}() is not asked of a value"),
                )
                .suggest(format!("write `{name}({})`", self.text(&on.span))));
            }
            return Err(Self::unknown_word(method, "method", METHODS.into_iter()));
        }
        let wanted = match name {
            "size" => 0,
            "all" | "exists" => 2,
            _ => 1,
        };
        if arguments.len() != wanted {
            return Err(arity(name, wanted, arguments.len(), span));
        }
        let on = self.check(on)?;
        match (name, arguments) {
            ("all", [variable, body]) => self.quantified(Quantifier::All, on, variable, body, span),
            ("exists", [variable, body]) => {
                self.quantified(Quantifier::Exists, on, variable, body, span)
            }
            ("matches", [pattern]) => self.matches(on, pattern, span),
            ("contains", [part]) => self.text_test(TextTest::Contains, name, on, part, span),
            ("startsWith", [part]) => self.text_test(TextTest::StartsWith, name, on, part, span),
            ("endsWith", [part]) => self.text_test(TextTest::EndsWith, name, on, part, span),
            _ => self.size(on, span),
        }
    }

    fn text_test(
        &mut self,
        test: TextTest,
        name: &str,
        on: Typed,
        part: &Expr,
        span: Range<usize>,
    ) -> Checked {
        let part = self.check(part)?;
        if matches!(on.ty, Ty::List(_) | Ty::Map(_)) && test == TextTest::Contains {
            let (on, part) = (self.text(&on.span), self.text(&part.span));
            return Err(ExpectationError::new(
                span,
                "contains() looks into text, not into a list or a map",
            )
            .suggest(format!("write `{part} in {on}`")));
        }
        let on = self.as_text(name, on)?;
        let part = self.as_text(name, part)?;
        Ok(Typed::new(
            Op::TextTest(test, Box::new(on), Box::new(part)),
            Ty::Bool,
            span,
        ))
    }

    fn as_text(&self, name: &str, typed: Typed) -> Checked {
        let (ty, span) = (typed.ty.clone(), typed.span.clone());
        as_type(typed, &Ty::Text).ok_or_else(|| {
            let text = self.text(&span);
            let error = ExpectationError::new(
                span.clone(),
                format!("{name}() is about text, and `{text}` is {ty}"),
            );
            match ty {
                Ty::Bool | Ty::Number | Ty::Duration | Ty::Time => {
                    error.suggest(format!("say string({text})"))
                }
                _ => error,
            }
        })
    }

    fn matches(&mut self, on: Typed, pattern: &Expr, span: Range<usize>) -> Checked {
        let on = self.as_text("matches", on)?;
        // What a target sends must not choose what is looked for in it.
        let Node::Text(text) = &pattern.node else {
            return Err(ExpectationError::new(
                pattern.span.clone(),
                "a pattern has to be written out",
            )
            .suggest("write text in quotes: x.matches(r'^v\\d+')"));
        };
        match RegexBuilder::new(text).size_limit(PATTERN_LIMIT).build() {
            Ok(regex) => Ok(Typed::new(Op::Matches(Box::new(on), regex), Ty::Bool, span)),
            Err(regex::Error::CompiledTooBig(_)) => Err(ExpectationError::new(
                pattern.span.clone(),
                "a pattern too large to hold",
            )
            .suggest("make its repetitions smaller")),
            Err(error) => {
                let report = error.to_string();
                // The report quotes the pattern over several lines; its last one tells what is wrong.
                let reason = report
                    .lines()
                    .last()
                    .unwrap_or_default()
                    .trim_start_matches("error: ");
                Err(ExpectationError::new(
                    pattern.span.clone(),
                    format!("not a regular expression: {reason}"),
                )
                .suggest("the syntax is RE2's: no look-around, no back-references"))
            }
        }
    }

    fn quantified(
        &mut self,
        quantifier: Quantifier,
        on: Typed,
        variable: &Expr,
        body: &Expr,
        span: Range<usize>,
    ) -> Checked {
        let element = match &on.ty {
            Ty::List(element) => (**element).clone(),
            Ty::Json => Ty::Json,
            ty => {
                let message = format!(
                    "all() and exists() are asked of a list, and `{}` is {ty}",
                    self.text(&on.span)
                );
                return Err(ExpectationError::new(on.span.clone(), message));
            }
        };
        let Node::Name(name) = &variable.node else {
            return Err(ExpectationError::new(
                variable.span.clone(),
                "a name for each element belongs here",
            )
            .suggest("write `nodes.all(node, node.ready == true)`"));
        };
        if name == "now" || self.facts.iter().any(|fact| fact.name == name) {
            return Err(ExpectationError::new(
                variable.span.clone(),
                format!("`{name}` has a meaning already"),
            )
            .suggest("choose another name for the element"));
        }
        self.locals.push((name.clone(), element));
        let body = self.truth(body);
        self.locals.pop();
        Ok(Typed::new(
            Op::Quantified(quantifier, Box::new(on), Box::new(body?)),
            Ty::Bool,
            span,
        ))
    }
}

fn arity(name: &str, wanted: usize, found: usize, span: Range<usize>) -> ExpectationError {
    let (amount, example) = match wanted {
        0 => ("no argument".to_owned(), format!("write `x.{name}()`")),
        1 if METHODS.contains(&name) && !FUNCTIONS.contains(&name) => {
            ("1 argument".to_owned(), format!("write `x.{name}('text')`"))
        }
        1 => ("1 argument".to_owned(), format!("write `{name}(x)`")),
        _ => (
            format!("{wanted} arguments"),
            format!("write `list.{name}(x, x == 'ready')`"),
        ),
    };
    ExpectationError::new(span, format!("{name}() takes {amount}, not {found}")).suggest(example)
}
