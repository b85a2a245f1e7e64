//! Syntax tree → typed tree, or what does not go together and where.

use std::ops::Range;

use super::syntax::{Arithmetic, Comparison, Expr, Node, Operator};
use super::types::{Op, Ty, Typed};
use super::{ExpectationError, mismatch};
use crate::probe::{FactSpec, Value};

/// What names mean: the facts of the kind, and the variables of the `all` and
/// `exists` around the place.
pub(super) struct Checker<'c> {
    pub(super) source: &'c str,
    pub(super) facts: &'c [FactSpec],
    pub(super) locals: Vec<(String, Ty)>,
}

type Checked = Result<Typed, ExpectationError>;

impl Checker<'_> {
    /// The type of `expr` and of everything in it.
    pub(super) fn check(&mut self, expr: &Expr) -> Checked {
        let span = expr.span.clone();
        match &expr.node {
            Node::Null => Err(ExpectationError::new(span, "`null` outside a comparison")
                .suggest("compare JSON with it: `x == null`")),
            Node::Bool(value) => Ok(constant(Value::Bool(*value), Ty::Bool, span)),
            Node::Number(value) => Ok(constant(Value::Number(*value), Ty::Number, span)),
            Node::Text(value) => Ok(constant(Value::Text(value.clone()), Ty::Text, span)),
            Node::List(items) => self.list(items, span),
            Node::Name(name) => self.name(name, span),
            Node::Field(on, field) => {
                let on = self.check(on)?;
                let key = constant(
                    Value::Text(field.text.clone()),
                    Ty::Text,
                    field.span.clone(),
                );
                self.step(on, key, span)
            }
            Node::Index(on, key) => {
                let on = self.check(on)?;
                let key = self.check(key)?;
                self.step(on, key, span)
            }
            Node::Call(function, arguments) => self.call(function, arguments, span),
            Node::Method(on, method, arguments) => self.method(on, method, arguments, span),
            Node::Not(operand) => {
                let operand = self.truth(operand)?;
                Ok(Typed::new(Op::Not(Box::new(operand)), Ty::Bool, span))
            }
            Node::Negate(operand) => self.negate(operand, span),
            Node::Binary(operator, left, right) => match operator {
                Operator::And | Operator::Or => {
                    let (left, right) = (Box::new(self.truth(left)?), Box::new(self.truth(right)?));
                    let op = if *operator == Operator::And {
                        Op::And(left, right)
                    } else {
                        Op::Or(left, right)
                    };
                    Ok(Typed::new(op, Ty::Bool, span))
                }
                Operator::In => self.membership(left, right, span),
                Operator::Compare(comparison) => self.compare(*comparison, left, right, span),
                Operator::Arithmetic(arithmetic) => {
                    let (left, right) = (self.check(left)?, self.check(right)?);
                    self.arithmetic(*arithmetic, left, right, span)
                }
            },
            Node::Conditional(condition, yes, no) => {
                let condition = self.truth(condition)?;
                let (yes, no) = (self.check(yes)?, self.check(no)?);
                let Some((yes, no)) = same(yes.clone(), no.clone()) else {
                    let message =
                        format!("the two answers differ in type: {} and {}", yes.ty, no.ty);
                    return Err(
                        ExpectationError::new(span, message).suggest("give both answers one type")
                    );
                };
                let ty = yes.ty.clone();
                Ok(Typed::new(
                    Op::Conditional(Box::new(condition), Box::new(yes), Box::new(no)),
                    ty,
                    span,
                ))
            }
        }
    }

    /// The source of a part, for messages.
    pub(super) fn text(&self, span: &Range<usize>) -> &str {
        self.source.get(span.clone()).unwrap_or_default()
    }

    /// An operand that has to be true or false.
    pub(super) fn truth(&mut self, expr: &Expr) -> Checked {
        let typed = self.check(expr)?;
        if typed.ty == Ty::Bool {
            Ok(typed)
        } else {
            Err(mismatch::not_a_truth(self.source, &typed))
        }
    }

    fn list(&mut self, items: &[Expr], span: Range<usize>) -> Checked {
        let mut typed: Vec<Typed> = Vec::new();
        for item in items {
            typed.push(self.check(item)?);
        }
        let Some(ty) = typed
            .iter()
            .map(|item| &item.ty)
            .find(|ty| **ty != Ty::Json)
            .or(typed.first().map(|item| &item.ty))
        else {
            return Err(
                ExpectationError::new(span, "an empty list has nothing to compare with")
                    .suggest("for \"is empty\" write `size(x) == 0`"),
            );
        };
        let ty = ty.clone();
        let mut same_type = Vec::new();
        for item in typed {
            let (span, found) = (item.span.clone(), item.ty.clone());
            let Some(item) = as_type(item, &ty) else {
                let message = format!("a list of one type: {found} after {ty}");
                return Err(ExpectationError::new(span, message));
            };
            same_type.push(item);
        }
        Ok(Typed::new(
            Op::List(same_type),
            Ty::List(Box::new(ty)),
            span,
        ))
    }

    fn name(&self, name: &str, span: Range<usize>) -> Checked {
        if let Some(position) = self.locals.iter().rposition(|(local, _)| local == name) {
            return Ok(Typed::new(
                Op::Local(position),
                self.locals[position].1.clone(),
                span,
            ));
        }
        if name == "now" {
            return Ok(Typed::new(Op::Now, Ty::Time, span));
        }
        match self.facts.iter().find(|fact| fact.name == name) {
            Some(fact) => Ok(Typed::new(
                Op::Fact(name.to_owned()),
                Ty::from(&fact.ty),
                span,
            )),
            None => Err(self.unknown_fact(name, span)),
        }
    }

    /// One step into a map, a list or JSON.
    pub(super) fn step(&self, on: Typed, key: Typed, span: Range<usize>) -> Checked {
        let (on_ty, key_ty) = (on.ty.clone(), key.ty.clone());
        let (on, key) = (Box::new(on), Box::new(key));
        match (on_ty, key_ty) {
            (Ty::Map(element), Ty::Text) => Ok(Typed::new(Op::Key(on, key), *element, span)),
            (Ty::List(element), Ty::Number) => Ok(Typed::new(Op::Element(on, key), *element, span)),
            (Ty::Json, Ty::Text | Ty::Number) => {
                Ok(Typed::new(Op::Member(on, key), Ty::Json, span))
            }
            (Ty::Map(_) | Ty::List(_) | Ty::Json, Ty::Json) => {
                let text = self.text(&key.span);
                Err(ExpectationError::new(
                    key.span.clone(),
                    "a key that is JSON can be a name or a position",
                )
                .suggest(format!("say string({text}) or double({text})")))
            }
            (Ty::Map(_), _) => Err(ExpectationError::new(
                key.span.clone(),
                format!("a map's key is text, not {}", key.ty),
            )),
            (Ty::List(_), _) => {
                let text = self.text(&on.span);
                Err(ExpectationError::new(
                    key.span.clone(),
                    format!("a list's position is a number, not {}", key.ty),
                )
                .suggest(format!(
                    "write `{text}[0]`, `{text}.exists(x, …)` or `{text}.all(x, …)`"
                )))
            }
            (Ty::Json, _) => {
                let message = format!("a step into JSON is a name or a position, not {}", key.ty);
                Err(ExpectationError::new(key.span.clone(), message))
            }
            _ => {
                let message = format!(
                    "`{}` is {}: there is nothing inside it",
                    self.text(&on.span),
                    on.ty
                );
                Err(ExpectationError::new(span, message))
            }
        }
    }

    fn negate(&mut self, operand: &Expr, span: Range<usize>) -> Checked {
        let operand = self.check(operand)?;
        // `[-1, 0]` is a list of constants, and words do not repeat constants.
        if let Op::Constant(Value::Number(value)) = operand.op {
            return Ok(constant(Value::Number(-value), Ty::Number, span));
        }
        if operand.ty == Ty::Number {
            return Ok(Typed::new(Op::Negate(Box::new(operand)), Ty::Number, span));
        }
        let text = self.text(&operand.span);
        let error =
            ExpectationError::new(operand.span.clone(), format!("`-` before {}", operand.ty));
        Err(if operand.ty == Ty::Json {
            error.suggest(format!("say -double({text})"))
        } else {
            error
        })
    }

    fn membership(&mut self, left: &Expr, right: &Expr, span: Range<usize>) -> Checked {
        let (left, right) = (self.check(left)?, self.check(right)?);
        let fits = match (&left.ty, &right.ty) {
            (Ty::Text, Ty::Map(_)) => true,
            (Ty::Json, Ty::List(element)) => element.is_in_json(),
            (element, Ty::Json) => matches!(element, Ty::Bool | Ty::Number | Ty::Text),
            (left, Ty::List(element)) if **element == Ty::Json => left.is_in_json(),
            (left, Ty::List(element)) => left == &**element && comparable(element),
            _ => false,
        };
        if !fits {
            return Err(self.no_membership(&left, &right, span));
        }
        let left = match (&left.ty, &right.ty) {
            (Ty::Json, Ty::List(element)) => from_json(left, element),
            _ => left,
        };
        Ok(Typed::new(
            Op::In(Box::new(left), Box::new(right)),
            Ty::Bool,
            span,
        ))
    }

    fn compare(
        &mut self,
        comparison: Comparison,
        left: &Expr,
        right: &Expr,
        span: Range<usize>,
    ) -> Checked {
        let equality = matches!(comparison, Comparison::Equal | Comparison::NotEqual);
        if left.node == Node::Null || right.node == Node::Null {
            let other = if left.node == Node::Null { right } else { left };
            return self.compare_null(comparison, other, span);
        }
        let (left, right) = (self.check(left)?, self.check(right)?);
        let Some((left, right)) = same(left.clone(), right.clone()) else {
            return Err(self.mismatch(comparison, &left, &right, span));
        };
        let allowed = match &left.ty {
            Ty::Number | Ty::Duration | Ty::Time => true,
            ty => equality && comparable(ty),
        };
        if !allowed {
            return Err(self.incomparable(comparison, &left, &right, span));
        }
        Ok(Typed::new(
            Op::Compare(comparison, Box::new(left), Box::new(right)),
            Ty::Bool,
            span,
        ))
    }

    fn compare_null(
        &mut self,
        comparison: Comparison,
        other: &Expr,
        span: Range<usize>,
    ) -> Checked {
        let other = self.check(other)?;
        if other.ty != Ty::Json {
            let text = self.text(&other.span);
            let message = format!("only JSON can be null, and `{text}` is {}", other.ty);
            return Err(ExpectationError::new(span, message)
                .suggest(format!("for \"was seen\" write `has({text})`")));
        }
        let is_null = Typed::new(Op::IsNull(Box::new(other)), Ty::Bool, span.clone());
        match comparison {
            Comparison::Equal => Ok(is_null),
            Comparison::NotEqual => Ok(Typed::new(Op::Not(Box::new(is_null)), Ty::Bool, span)),
            Comparison::Less
            | Comparison::LessOrEqual
            | Comparison::Greater
            | Comparison::GreaterOrEqual => Err(ExpectationError::new(
                span,
                "null is neither less nor greater than anything",
            )),
        }
    }

    fn arithmetic(
        &self,
        operation: Arithmetic,
        left: Typed,
        right: Typed,
        span: Range<usize>,
    ) -> Checked {
        let (left, right) = match (&left.ty, &right.ty) {
            (Ty::Json, Ty::Number | Ty::Text) => (from_json(left, &right.ty), right),
            (Ty::Number | Ty::Text, Ty::Json) => {
                let right = from_json(right, &left.ty);
                (left, right)
            }
            _ => (left, right),
        };
        let ty = match (&left.ty, operation, &right.ty) {
            (Ty::Number, _, Ty::Number) => Ty::Number,
            (Ty::Text, Arithmetic::Add, Ty::Text) => Ty::Text,
            (Ty::Time, Arithmetic::Subtract, Ty::Time)
            | (Ty::Duration, Arithmetic::Add | Arithmetic::Subtract, Ty::Duration) => Ty::Duration,
            (Ty::Time, Arithmetic::Add | Arithmetic::Subtract, Ty::Duration)
            | (Ty::Duration, Arithmetic::Add, Ty::Time) => Ty::Time,
            _ => return Err(self.no_arithmetic(operation, &left, &right, span)),
        };
        Ok(Typed::new(
            Op::Arithmetic(operation, Box::new(left), Box::new(right)),
            ty,
            span,
        ))
    }
}

/// A literal.
pub(super) fn constant(value: Value, ty: Ty, span: Range<usize>) -> Typed {
    Typed::new(Op::Constant(value), ty, span)
}

/// JSON as `ty`; what it is at run time decides whether that can be told.
pub(super) fn from_json(typed: Typed, ty: &Ty) -> Typed {
    let span = typed.span.clone();
    Typed::new(Op::FromJson(Box::new(typed)), ty.clone(), span)
}

/// `typed` as `ty`, when it is that or JSON (or a list of it) that can be that.
pub(super) fn as_type(typed: Typed, ty: &Ty) -> Option<Typed> {
    let json_inside = match (&typed.ty, ty) {
        (found, wanted) if found == wanted => return Some(typed),
        (Ty::Json, _) => true,
        (Ty::List(element), Ty::List(_)) => **element == Ty::Json,
        _ => false,
    };
    (json_inside && ty.is_in_json()).then(|| from_json(typed, ty))
}

/// Both operands with one type, when there is one.
fn same(left: Typed, right: Typed) -> Option<(Typed, Typed)> {
    let (left_ty, right_ty) = (left.ty.clone(), right.ty.clone());
    if let Some(left) = as_type(left.clone(), &right_ty) {
        return Some((left, right));
    }
    as_type(right, &left_ty).map(|right| (left, right))
}

/// Whether two values of the type can be told equal or different.
fn comparable(ty: &Ty) -> bool {
    match ty {
        Ty::Bool | Ty::Number | Ty::Text | Ty::Duration | Ty::Time => true,
        Ty::List(element) => comparable(element),
        Ty::Json | Ty::Map(_) => false,
    }
}
