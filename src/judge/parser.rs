//! Tokens → syntax tree, by precedence climbing.

use std::ops::Range;

use super::ExpectationError;
use super::lexer::{Lexeme, Token, lex};
use super::syntax::{Expr, Node, Operator, Word};

/// Brackets within brackets. A baseline is read from a file, and a file of
/// parentheses must not overflow the stack.
const MAX_NESTING: usize = 64;

/// Levels of the finished tree: `a + b + c …` nests no bracket and is deep all
/// the same.
const MAX_DEPTH: usize = 200;

/// Parses one expectation.
pub(super) fn parse(source: &str) -> Result<Expr, ExpectationError> {
    let mut parser = Parser {
        lexemes: lex(source)?,
        at: 0,
        nesting: 0,
    };
    if *parser.peek() == Token::End {
        return Err(
            ExpectationError::new(0..source.len(), "an empty expectation")
                .suggest("write what should hold, such as `status == 200`"),
        );
    }
    let expr = parser.expression()?;
    match parser.peek() {
        Token::End => Ok(expr),
        _ => Err(parser.unexpected("the end or an operator")),
    }
}

struct Parser {
    lexemes: Vec<Lexeme>,
    at: usize,
    nesting: usize,
}

impl Parser {
    fn peek(&self) -> &Token {
        self.lexemes
            .get(self.at)
            .map_or(&Token::End, |lexeme| &lexeme.token)
    }

    fn span(&self) -> Range<usize> {
        self.lexemes
            .get(self.at)
            .or(self.lexemes.last())
            .map_or(0..0, |lexeme| lexeme.span.clone())
    }

    /// Where the token before the current one ends.
    fn end(&self) -> usize {
        self.at
            .checked_sub(1)
            .and_then(|before| self.lexemes.get(before))
            .map_or(0, |lexeme| lexeme.span.end)
    }

    fn bump(&mut self) {
        self.at += 1;
    }

    fn eat(&mut self, symbol: &str) -> bool {
        let found = matches!(self.peek(), Token::Symbol(next) if *next == symbol);
        if found {
            self.bump();
        }
        found
    }

    fn close(&mut self, symbol: &str, opened: &Range<usize>) -> Result<(), ExpectationError> {
        if self.eat(symbol) {
            return Ok(());
        }
        if *self.peek() == Token::End {
            return Err(
                ExpectationError::new(opened.clone(), "a bracket that is never closed")
                    .suggest(format!("close it with `{symbol}`")),
            );
        }
        Err(self.unexpected(&format!("`{symbol}` or an operator")))
    }

    fn unexpected(&self, wanted: &str) -> ExpectationError {
        let span = self.span();
        let (found, suggestion) = match self.peek() {
            Token::End => ("the end".to_owned(), None),
            Token::Number(_) => ("a number".to_owned(), None),
            Token::Text(_) => ("text".to_owned(), None),
            Token::Symbol("{" | "}") => (
                "a brace".to_owned(),
                Some("maps and structures cannot be written here; lists can: [200, 401]"),
            ),
            Token::Symbol(symbol) => (format!("`{symbol}`"), None),
            Token::Name(name) => {
                let suggestion = match name.to_ascii_lowercase().as_str() {
                    "and" => Some("write `&&`"),
                    "or" => Some("write `||`"),
                    "not" => Some(
                        "write `!` before what should not hold, as in `!(status in [500, 502])`",
                    ),
                    "is" => Some("write `==`"),
                    _ => None,
                };
                (format!("`{name}`"), suggestion)
            }
        };
        let error = ExpectationError::new(span, format!("{found} where {wanted} should be"));
        match suggestion {
            Some(suggestion) => error.suggest(suggestion),
            None => error,
        }
    }

    fn make(&self, node: Node, span: Range<usize>) -> Result<Expr, ExpectationError> {
        let below = match &node {
            Node::Null | Node::Bool(_) | Node::Number(_) | Node::Text(_) | Node::Name(_) => 0,
            Node::List(items) | Node::Call(_, items) => deepest(items),
            Node::Field(on, _) | Node::Not(on) | Node::Negate(on) => on.depth,
            Node::Index(left, right) | Node::Binary(_, left, right) => left.depth.max(right.depth),
            Node::Method(on, _, arguments) => on.depth.max(deepest(arguments)),
            Node::Conditional(condition, yes, no) => condition.depth.max(yes.depth).max(no.depth),
        };
        if below >= MAX_DEPTH {
            return Err(ExpectationError::new(
                span,
                format!("more than {MAX_DEPTH} operators in one another"),
            )
            .suggest("split it into several expectations"));
        }
        Ok(Expr {
            node,
            span,
            depth: below + 1,
        })
    }

    /// `Expr = ConditionalOr ["?" ConditionalOr ":" Expr]`
    fn expression(&mut self) -> Result<Expr, ExpectationError> {
        self.nesting += 1;
        if self.nesting > MAX_NESTING {
            return Err(ExpectationError::new(
                self.span(),
                format!("brackets nest more than {MAX_NESTING} deep"),
            )
            .suggest("split it into several expectations"));
        }
        let condition = self.binary(1)?;
        let expr = if self.eat("?") {
            let yes = self.binary(1)?;
            if !self.eat(":") {
                return Err(self.unexpected("the `:` of `condition ? yes : no`"));
            }
            let no = self.expression()?;
            let span = condition.span.start..no.span.end;
            self.make(
                Node::Conditional(Box::new(condition), Box::new(yes), Box::new(no)),
                span,
            )?
        } else {
            condition
        };
        self.nesting -= 1;
        Ok(expr)
    }

    fn operator(&self) -> Option<Operator> {
        match self.peek() {
            Token::Symbol(symbol) => Operator::of(symbol),
            Token::Name(name) if name == "in" => Some(Operator::In),
            _ => None,
        }
    }

    fn binary(&mut self, weakest: u8) -> Result<Expr, ExpectationError> {
        let mut left = self.unary()?;
        while let Some(operator) = self
            .operator()
            .filter(|operator| operator.precedence() >= weakest)
        {
            self.bump();
            let right = self.binary(operator.precedence() + 1)?;
            let span = left.span.start..right.span.end;
            left = self.make(
                Node::Binary(operator, Box::new(left), Box::new(right)),
                span,
            )?;
        }
        Ok(left)
    }

    /// `!` and `-` bind tighter than any operator between operands, looser
    /// than `.field` and `[index]`.
    fn unary(&mut self) -> Result<Expr, ExpectationError> {
        let mut signs = Vec::new();
        while matches!(self.peek(), Token::Symbol("!" | "-")) {
            signs.push((matches!(self.peek(), Token::Symbol("!")), self.span().start));
            self.bump();
        }
        let mut expr = self.member()?;
        for (not, start) in signs.into_iter().rev() {
            let span = start..expr.span.end;
            let operand = Box::new(expr);
            expr = self.make(
                if not {
                    Node::Not(operand)
                } else {
                    Node::Negate(operand)
                },
                span,
            )?;
        }
        Ok(expr)
    }

    fn member(&mut self) -> Result<Expr, ExpectationError> {
        let mut expr = self.primary()?;
        loop {
            let start = expr.span.start;
            let bracket = self.span();
            if self.eat(".") {
                let Token::Name(text) = self.peek().clone() else {
                    return Err(self
                        .unexpected("a name after `.`")
                        .suggest("write on['key'] for other keys"));
                };
                let word = Word {
                    text,
                    span: self.span(),
                };
                self.bump();
                let opened = self.span();
                let node = if self.eat("(") {
                    let arguments = self.list(")", &opened)?;
                    Node::Method(Box::new(expr), word, arguments)
                } else {
                    Node::Field(Box::new(expr), word)
                };
                expr = self.make(node, start..self.end())?;
            } else if self.eat("[") {
                let key = self.expression()?;
                self.close("]", &bracket)?;
                expr = self.make(
                    Node::Index(Box::new(expr), Box::new(key)),
                    start..self.end(),
                )?;
            } else {
                return Ok(expr);
            }
        }
    }

    /// Expressions up to the closing bracket; a comma after the last is fine.
    fn list(
        &mut self,
        closing: &str,
        opened: &Range<usize>,
    ) -> Result<Vec<Expr>, ExpectationError> {
        let mut items = Vec::new();
        loop {
            if self.eat(closing) {
                return Ok(items);
            }
            if *self.peek() == Token::End {
                return Err(ExpectationError::new(
                    opened.clone(),
                    "a bracket that is never closed",
                )
                .suggest(format!("close it with `{closing}`")));
            }
            items.push(self.expression()?);
            if !self.eat(",") {
                self.close(closing, opened)?;
                return Ok(items);
            }
        }
    }

    fn primary(&mut self) -> Result<Expr, ExpectationError> {
        let span = self.span();
        let node = match self.peek().clone() {
            Token::Number(value) => Node::Number(value),
            Token::Text(text) => Node::Text(text),
            Token::Name(name) => match name.as_str() {
                "true" => Node::Bool(true),
                "false" => Node::Bool(false),
                "null" => Node::Null,
                "in" => return Err(self.unexpected("a value")),
                _ => return self.name(name),
            },
            Token::Symbol("(") => {
                self.bump();
                let inner = self.expression()?;
                self.close(")", &span)?;
                return Ok(Expr {
                    span: span.start..self.end(),
                    ..inner
                });
            }
            Token::Symbol("[") => {
                self.bump();
                let items = self.list("]", &span)?;
                return self.make(Node::List(items), span.start..self.end());
            }
            Token::Symbol(_) | Token::End => return Err(self.unexpected("a value")),
        };
        self.bump();
        self.make(node, span)
    }

    fn name(&mut self, name: String) -> Result<Expr, ExpectationError> {
        let span = self.span();
        self.bump();
        let opened = self.span();
        if !self.eat("(") {
            return self.make(Node::Name(name), span);
        }
        let arguments = self.list(")", &opened)?;
        self.make(
            Node::Call(
                Word {
                    text: name,
                    span: span.clone(),
                },
                arguments,
            ),
            span.start..self.end(),
        )
    }
}

fn deepest(items: &[Expr]) -> usize {
    items.iter().map(|item| item.depth).max().unwrap_or(0)
}
