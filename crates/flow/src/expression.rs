//! Conditions and `${…}`: CEL, read and typed before any call.
//!
//! Only what a reader of flows needs: variables, literals, comparisons, `&& || ! ?:`, `in` a list, sums of
//! numbers, joining of texts, and `size`, `contains`, `startsWith`, `endsWith`. Nothing that loops.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

use cel::common::ast::{Expr, IdedExpr, LiteralValue, operators};
use cel::{Context, Program};
use primitives::Private;
use serde::{Serialize, Serializer};

use crate::diagnostic::did_you_mean;

/// Characters of one condition: what fits on two lines.
const EXPRESSION_CHARS_MAX: usize = 240;
/// Brackets in one another: the parser of conditions recurses.
const BRACKETS_MAX: usize = 16;

/// What a variable or an expression can be.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
pub enum Type {
    /// Text.
    Text,
    /// A whole number.
    Number,
    /// True or false.
    Truth,
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "text",
            Self::Number => "a number",
            Self::Truth => "true or false",
        })
    }
}

/// A value of a variable. Whoever holds one of a call keeps it [`Private`].
#[derive(Clone, Debug, Eq, Hash, PartialEq, Serialize)]
pub enum Value {
    /// Text.
    Text(Arc<str>),
    /// A whole number.
    Number(i64),
    /// True or false.
    Truth(bool),
    /// What nobody knows before the call: what she keys in, who she is. In proofs only.
    Unknown(Type),
}

impl Value {
    /// What it is.
    pub fn of_type(&self) -> Type {
        match self {
            Self::Text(_) => Type::Text,
            Self::Number(_) => Type::Number,
            Self::Truth(_) => Type::Truth,
            Self::Unknown(of) => *of,
        }
    }

    /// What a variable is before it is set.
    pub(crate) fn unset(of: Type) -> Self {
        match of {
            Type::Text => Self::Text("".into()),
            Type::Number => Self::Number(0),
            Type::Truth => Self::Truth(false),
        }
    }

    fn into_cel(self) -> cel::Value {
        match self {
            Self::Text(text) => cel::Value::from(&*text),
            Self::Number(number) => cel::Value::Int(number),
            Self::Truth(truth) => cel::Value::Bool(truth),
            Self::Unknown(of) => Self::unset(of).into_cel(),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Number(number) => number.fmt(f),
            Self::Truth(truth) => truth.fmt(f),
            Self::Unknown(_) => f.write_str("unknown"),
        }
    }
}

/// The variables an expression may name: `language`, `caller.known`, `dob`.
pub(crate) type Types = BTreeMap<String, Type>;

/// What they are in one call, by the same names.
pub(crate) type Values = BTreeMap<Arc<str>, Private<Value>>;

/// A checked expression.
pub(crate) struct Expression {
    source: String,
    program: Program,
    of: Type,
    names: Vec<String>,
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.source.fmt(f)
    }
}

impl Serialize for Expression {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.source.serialize(serializer)
    }
}

/// Why an expression cannot be used.
#[derive(Debug)]
pub(crate) struct Mistake {
    pub(crate) message: String,
    pub(crate) help: Option<String>,
    /// The variable nobody knows, where that is it.
    pub(crate) unknown: Option<String>,
}

impl Mistake {
    fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), help: None, unknown: None }
    }
}

/// An expression could not be worked out in a call: a number overflowed, or was divided by 0.
#[derive(Debug)]
pub(crate) struct Unworkable;

impl Expression {
    /// Reads and types an expression.
    pub(crate) fn new(source: &str, types: &Types) -> Result<Self, Mistake> {
        if source.chars().count() > EXPRESSION_CHARS_MAX {
            return Err(Mistake::new(format!("a condition has at most {EXPRESSION_CHARS_MAX} characters")));
        }
        if depth(source) > BRACKETS_MAX {
            return Err(Mistake::new("too many brackets, signs or choices in one another"));
        }
        let program = Program::compile(source).map_err(|errors| {
            let first = errors.errors.first().map_or_else(String::new, |error| error.msg.clone());
            let first = first.lines().next().unwrap_or_default();
            // The parser goes on with everything it knows; nobody reads that.
            let first =
                first.split(" expecting ").next().unwrap_or(first).trim_start_matches("Syntax error: ");
            Mistake {
                message: format!("this is not a condition: {first}"),
                help: in_other_words(source),
                unknown: None,
            }
        })?;
        let mut names = Vec::new();
        let of = type_of(program.expression(), types, &mut names)?;
        Ok(Self { source: source.to_owned(), program, of, names })
    }

    /// As written.
    pub(crate) fn source(&self) -> &str {
        &self.source
    }

    pub(crate) fn of_type(&self) -> Type {
        self.of
    }

    /// The variables it names.
    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    /// Its value in a call; unknown where it names anything that is.
    pub(crate) fn value(&self, values: &Values) -> Result<Value, Unworkable> {
        let is_unknown = |name: &String| {
            values.get(name.as_str()).is_some_and(|value| matches!(value.expose(), Value::Unknown(_)))
        };
        if self.names.iter().any(is_unknown) {
            return Ok(Value::Unknown(self.of));
        }
        let mut context = Context::default();
        // `caller.number` and `call.trunk` are fields of two maps.
        let mut parts: BTreeMap<&str, HashMap<String, cel::Value>> = BTreeMap::new();
        for name in &self.names {
            let value =
                values.get(name.as_str()).map_or_else(|| Value::unset(self.of), |v| v.expose().clone());
            match name.split_once('.') {
                Some((of, field)) => {
                    parts.entry(of).or_default().insert(field.to_owned(), value.into_cel());
                }
                None => context.add_variable_from_value(name.as_str(), value.into_cel()),
            }
        }
        for (of, fields) in parts {
            context.add_variable_from_value(of, fields);
        }
        match self.program.execute(&context) {
            Ok(cel::Value::String(text)) => Ok(Value::Text(text.as_str().into())),
            Ok(cel::Value::Int(number)) => Ok(Value::Number(number)),
            Ok(cel::Value::Bool(truth)) => Ok(Value::Truth(truth)),
            _ => Err(Unworkable),
        }
    }

    /// Whether it holds in a call; `None` where that depends on something unknown.
    pub(crate) fn holds(&self, values: &Values) -> Result<Option<bool>, Unworkable> {
        match self.value(values)? {
            Value::Truth(truth) => Ok(Some(truth)),
            Value::Unknown(_) => Ok(None),
            Value::Text(_) | Value::Number(_) => Err(Unworkable),
        }
    }
}

/// What people write who know another language.
fn in_other_words(source: &str) -> Option<String> {
    let bare = source.replace("==", "").replace("!=", "").replace("<=", "").replace(">=", "");
    let words = [(" and ", "`&&`, not `and`"), (" or ", "`||`, not `or`"), (" not ", "`!`, not `not`")];
    let word = words.iter().find(|(word, _)| format!(" {source}").contains(word)).map(|(_, help)| *help);
    let equals = bare.contains('=').then_some("two signs compare: `x == \"yes\"`");
    Some(equals.or(word)?.to_owned())
}

/// How deep the parser would recurse: brackets, signs in a row (`!!!x`), and choices within choices.
fn depth(source: &str) -> usize {
    let (mut brackets, mut signs, mut choices, mut deepest) = (0_usize, 0, 0, 0);
    for c in source.chars().filter(|c| !c.is_whitespace()) {
        match c {
            '(' | '[' | '{' => brackets += 1,
            ')' | ']' | '}' => brackets = brackets.saturating_sub(1),
            '?' => choices += 1,
            _ => {}
        }
        signs = if matches!(c, '!' | '-') { signs + 1 } else { 0 };
        deepest = deepest.max(brackets + signs + choices);
    }
    deepest
}

fn type_of(at: &IdedExpr, types: &Types, names: &mut Vec<String>) -> Result<Type, Mistake> {
    match &at.expr {
        Expr::Literal(LiteralValue::String(_)) => Ok(Type::Text),
        Expr::Literal(LiteralValue::Int(_)) => Ok(Type::Number),
        Expr::Literal(LiteralValue::Boolean(_)) => Ok(Type::Truth),
        Expr::Literal(_) => Err(Mistake::new("conditions know text, whole numbers, true and false only")),
        Expr::Ident(name) => variable(name, types, names),
        Expr::Select(select) if !select.test => match &select.operand.expr {
            Expr::Ident(of) => variable(&format!("{of}.{}", select.field), types, names),
            _ => Err(Mistake::new("only `caller` and `call` have parts")),
        },
        Expr::Call(call) => {
            let target = call.target.iter().map(|target| &**target);
            let arguments: Vec<&IdedExpr> = target.chain(&call.args).collect();
            type_of_call(&call.func_name, &arguments, types, names)
        }
        Expr::List(_) => Err(Mistake::new("a list stands only after `in`")),
        Expr::Select(_) | Expr::Comprehension(_) | Expr::Map(_) | Expr::Struct(_) | Expr::Unspecified => {
            Err(Mistake::new("conditions have no loops, maps or `has`"))
        }
    }
}

fn variable(name: &str, types: &Types, names: &mut Vec<String>) -> Result<Type, Mistake> {
    match types.get(name) {
        Some(of) => {
            if !names.iter().any(|known| known == name) {
                names.push(name.to_owned());
            }
            Ok(*of)
        }
        None => Err(Mistake {
            message: format!("unknown variable `{name}`"),
            help: Some(did_you_mean(name, types.keys().map(String::as_str)).map_or_else(
                || format!("known here: {}", types.keys().cloned().collect::<Vec<_>>().join(", ")),
                |near| format!("did you mean `{near}`?"),
            )),
            unknown: Some(name.to_owned()),
        }),
    }
}

fn type_of_call(
    function: &str,
    arguments: &[&IdedExpr],
    types: &Types,
    names: &mut Vec<String>,
) -> Result<Type, Mistake> {
    if let (operators::IN, [item, list]) = (function, arguments) {
        let of = type_of(item, types, names)?;
        let Expr::List(list) = &list.expr else {
            return Err(Mistake::new("after `in` comes a list: `[\"en\", \"es\"]`"));
        };
        for element in &list.elements {
            same(function, of, type_of(element, types, names)?)?;
        }
        return Ok(Type::Truth);
    }
    let given: Vec<Type> = arguments.iter().map(|at| type_of(at, types, names)).collect::<Result<_, _>>()?;
    use Type::{Number, Text, Truth};
    match (function, given.as_slice()) {
        (operators::LOGICAL_AND | operators::LOGICAL_OR, [a, b]) => {
            same(function, Truth, *a)?;
            same(function, Truth, *b)?;
            Ok(Truth)
        }
        (operators::LOGICAL_NOT, [a]) => same(function, Truth, *a).map(|()| Truth),
        (operators::EQUALS | operators::NOT_EQUALS, [a, b]) => same(function, *a, *b).map(|()| Truth),
        (
            operators::LESS | operators::LESS_EQUALS | operators::GREATER | operators::GREATER_EQUALS,
            [Number, Number],
        ) => Ok(Truth),
        (operators::CONDITIONAL, [condition, a, b]) => {
            same(function, Truth, *condition)?;
            same(function, *a, *b).map(|()| *a)
        }
        (operators::ADD, [Text, Text]) => Ok(Text),
        (operators::ADD | operators::SUBSTRACT | operators::MULTIPLY, [Number, Number]) => Ok(Number),
        (operators::DIVIDE | operators::MODULO, [Number, Number]) | (operators::NEGATE, [Number]) => {
            Ok(Number)
        }
        ("size", [Text]) => Ok(Number),
        ("contains" | "startsWith" | "endsWith", [Text, Text]) => Ok(Truth),
        _ => Err(Mistake::new(format!(
            "`{}` does not work on {}",
            word(function),
            given.iter().map(Type::to_string).collect::<Vec<_>>().join(" and ")
        ))),
    }
}

fn same(function: &str, a: Type, b: Type) -> Result<(), Mistake> {
    if a == b {
        return Ok(());
    }
    Err(Mistake::new(format!("`{}` cannot join {a} and {b}", word(function))))
}

/// An operator as it is typed.
fn word(function: &str) -> &str {
    function.trim_matches('_').trim_start_matches('@')
}

/// Text with `${…}` in it.
#[derive(Debug, Serialize)]
pub(crate) struct Template(Vec<Part>);

#[derive(Debug, Serialize)]
enum Part {
    Text(String),
    Expression(Expression),
}

impl Template {
    pub(crate) fn new(source: &str, types: &Types) -> Result<Self, Mistake> {
        let mut parts = Vec::new();
        let mut rest = source;
        while let Some((before, after)) = rest.split_once("${") {
            let (inside, behind) =
                after.split_once('}').ok_or_else(|| Mistake::new("`${` without its `}`"))?;
            parts.push(Part::Text(before.to_owned()));
            parts.push(Part::Expression(Expression::new(inside, types)?));
            rest = behind;
        }
        parts.push(Part::Text(rest.to_owned()));
        Ok(Self(parts))
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0
            .iter()
            .flat_map(|part| match part {
                Part::Text(_) => &[][..],
                Part::Expression(expression) => expression.names(),
            })
            .map(String::as_str)
    }

    /// Its text; `None` where it names anything nobody knows before the call.
    pub(crate) fn known_text(&self, values: &Values) -> Result<Option<Arc<str>>, Unworkable> {
        let is_unknown =
            |name: &str| values.get(name).is_some_and(|value| matches!(value.expose(), Value::Unknown(_)));
        if self.names().any(is_unknown) {
            return Ok(None);
        }
        self.text(values).map(Some)
    }

    pub(crate) fn text(&self, values: &Values) -> Result<Arc<str>, Unworkable> {
        let mut text = String::new();
        for part in &self.0 {
            match part {
                Part::Text(literal) => text.push_str(literal),
                Part::Expression(expression) => text.push_str(&expression.value(values)?.to_string()),
            }
        }
        Ok(text.into())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn types() -> Types {
        [("language", Type::Text), ("caller.known", Type::Truth), ("tries", Type::Number)]
            .into_iter()
            .map(|(name, of)| (name.to_owned(), of))
            .collect()
    }

    fn values() -> Values {
        [
            ("language", Value::Text("es".into())),
            ("caller.known", Value::Truth(true)),
            ("tries", Value::Number(2)),
        ]
        .into_iter()
        .map(|(name, value)| (Arc::from(name), Private::new(value)))
        .collect()
    }

    #[test]
    fn a_condition_is_worked_out_with_the_values_of_the_call() {
        for (source, expected) in [
            ("language == 'es' && caller.known", true),
            ("tries + 1 > 3", false),
            ("language in ['en', 'es']", true),
            ("!caller.known || language.startsWith('e')", true),
            ("(tries > 1 ? language : 'en') == 'es'", true),
        ] {
            let condition = Expression::new(source, &types()).unwrap();
            assert_eq!(condition.holds(&values()).unwrap(), Some(expected), "{source}");
        }
    }

    #[test]
    fn mistakes_of_name_and_type_are_found_before_any_call() {
        for (source, message) in [
            ("langauge == 'es'", "unknown variable `langauge`"),
            ("language == 2", "`==` cannot join text and a number"),
            ("caller.knwn", "unknown variable `caller.knwn`"),
            ("language > 'a'", "`>` does not work on text and text"),
            ("[1, 2].all(x, x > 0)", "conditions have no loops, maps or `has`"),
        ] {
            assert_eq!(Expression::new(source, &types()).unwrap_err().message, message);
        }
        let help = Expression::new("langauge == 'es'", &types()).unwrap_err().help;
        assert_eq!(help.unwrap(), "did you mean `language`?");
    }

    #[test]
    fn a_template_puts_values_into_text() {
        let template = Template::new("lang:${language}-${tries}", &types()).unwrap();
        assert_eq!(&*template.text(&values()).unwrap(), "lang:es-2");
        assert!(Template::new("lang:${language", &types()).is_err());
    }

    #[test]
    fn a_number_that_overflows_fails_the_step_and_nothing_else() {
        let sum = Expression::new("9223372036854775807 + tries > 0", &types()).unwrap();
        assert!(sum.holds(&values()).is_err());
    }
}
