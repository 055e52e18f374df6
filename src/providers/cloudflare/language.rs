//! The part of Cloudflare's rules language that golive and its users write: parsed, type-checked, evaluated.
//!
//! Own parser, since the published engine lacks functions, `wildcard`, `[*]` and raw strings. What Cloudflare
//! would refuse is refused here with its position; what it would take and this module does not know (other fields and
//! functions, lists that were not given) is refused too, never silently false. Paths are taken as sent: Cloudflare's own
//! normalisation of URLs is not played.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use hyper::HeaderMap;
use hyper::header::{COOKIE, REFERER, USER_AGENT};
use ipnet::IpNet;
use regex::{Regex, RegexBuilder};

/// Deepest nesting of an expression; Cloudflare publishes no figure.
const DEEPEST: usize = 50;
/// Longest expression, in bytes (Cloudflare docs, ruleset-engine, limits).
const LONGEST: usize = 4096;

/// What a rule can know of a request.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    pub method: &'a str,
    pub https: bool,
    /// Lower case, no port.
    pub host: &'a str,
    pub path: &'a str,
    /// Without the question mark.
    pub query: Option<&'a str>,
    pub headers: &'a HeaderMap,
    pub client: IpAddr,
    /// Where Cloudflare believes the visitor to be: ISO 3166-1 alpha-2, `T1` for Tor.
    pub country: &'a str,
}

/// Lists of addresses by their names, as an account holds them.
pub type Lists = BTreeMap<String, Vec<IpNet>>;

/// Why an expression is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Characters before the place.
    pub at: usize,
    pub message: String,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at character {}: {}", self.at + 1, self.message)
    }
}

/// An expression that is true or false of a request.
#[derive(Debug, Clone)]
pub struct Condition(Node);

impl Condition {
    /// # Errors
    ///
    /// The first fault, with its place; a list is one.
    pub fn parse(text: &str) -> Result<Self, Refused> {
        Self::with_lists(text, &Lists::new())
    }

    /// As [`Self::parse`], in an account that holds these lists.
    ///
    /// # Errors
    ///
    /// The first fault, with its place.
    pub fn with_lists(text: &str, lists: &Lists) -> Result<Self, Refused> {
        parse(text, Kind::Truth, lists).map(Self)
    }

    pub fn holds(&self, facts: &Facts<'_>) -> bool {
        matches!(self.0.value(facts), Some(Value::Truth(true)))
    }
}

/// An expression that makes a text from a request, such as the target of a redirect.
#[derive(Debug, Clone)]
pub struct TextExpression(Node);

impl TextExpression {
    /// # Errors
    ///
    /// The first fault, with its place.
    pub fn parse(text: &str) -> Result<Self, Refused> {
        parse(text, Kind::Text, &Lists::new()).map(Self)
    }

    /// The text; empty where what it needs is missing from the request.
    pub fn evaluate(&self, facts: &Facts<'_>) -> String {
        match self.0.value(facts) {
            Some(Value::Text(text)) => text,
            _ => String::new(),
        }
    }
}

fn parse(text: &str, wanted: Kind, lists: &Lists) -> Result<Node, Refused> {
    if text.len() > LONGEST {
        return Err(Refused { at: LONGEST, message: format!("longer than {LONGEST} bytes") });
    }
    let mut parser = Parser { tokens: lex(text)?, next: 0, depth: 0, end: text.chars().count(), lists };
    let whole = parser.either()?;
    if let Some(token) = parser.tokens.get(parser.next) {
        return Err(Refused { at: token.at, message: format!("{} is left over", token.what) });
    }
    if whole.each || whole.kind != wanted {
        return Err(Refused { at: whole.at, message: format!("this is {}, not {wanted}", whole.described()) });
    }
    Ok(whole.node)
}

// Tokens

#[derive(Debug, Clone)]
struct Token {
    at: usize,
    what: What,
}

#[derive(Debug, Clone, PartialEq)]
enum What {
    Word(String),
    /// Digits, addresses, networks, ranges.
    Bare(String),
    Text(String),
    Sign(&'static str),
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            What::Word(text) | What::Bare(text) => write!(f, "`{}`", text.escape_debug()),
            What::Text(text) => write!(f, "{text:?}"),
            What::Sign(sign) => write!(f, "`{sign}`"),
        }
    }
}

/// Longest first, so that `<=` is not read as `<`.
const SIGNS: [&str; 20] =
    ["==", "!=", "<=", ">=", "&&", "||", "^^", "<", ">", "~", "!", "(", ")", "{", "}", "[", "]", ",", "*", "$"];

fn lex(text: &str) -> Result<Vec<Token>, Refused> {
    let chars: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(&c) = chars.get(at) {
        if c.is_ascii_whitespace() {
            at += 1;
            continue;
        }
        let start = at;
        let what = if c == '"' {
            quoted(&chars, &mut at)?
        } else if c == 'r' && matches!(chars.get(at + 1), Some('"' | '#')) {
            raw(&chars, &mut at)?
        } else if c.is_ascii_alphanumeric() || matches!(c, '_' | ':' | '-') {
            let rest = &chars[at + 1..];
            let length = rest.iter().take_while(|c| c.is_ascii_alphanumeric() || "_.:/".contains(**c)).count();
            at += 1 + length;
            let run: String = chars[start..at].iter().collect();
            let word = run.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && !run.contains([':', '/']);
            if word { What::Word(run) } else { What::Bare(run) }
        } else {
            let sign = SIGNS.into_iter().find(|sign| sign.chars().eq(chars[at..].iter().copied().take(sign.len())));
            let Some(sign) = sign else {
                return Err(Refused { at, message: format!("`{}` means nothing here", c.escape_debug()) });
            };
            at += sign.len();
            What::Sign(sign)
        };
        tokens.push(Token { at: start, what });
    }
    Ok(tokens)
}

/// `"..."`, where a backslash protects a quote or a backslash and nothing else.
fn quoted(chars: &[char], at: &mut usize) -> Result<What, Refused> {
    let start = *at;
    let mut text = String::new();
    *at += 1;
    while let Some(&c) = chars.get(*at) {
        *at += 1;
        match c {
            '"' => return Ok(What::Text(text)),
            '\\' => match chars.get(*at) {
                Some(&escaped @ ('"' | '\\')) => {
                    text.push(escaped);
                    *at += 1;
                }
                _ => return Err(Refused { at: *at - 1, message: "only `\\\"` and `\\\\` are escapes".to_owned() }),
            },
            c => text.push(c),
        }
    }
    Err(Refused { at: start, message: "the text is not closed".to_owned() })
}

/// `r"..."`, `r#"..."#` and so on, as in Rust.
fn raw(chars: &[char], at: &mut usize) -> Result<What, Refused> {
    let start = *at;
    let hashes = chars[start + 1..].iter().take_while(|c| **c == '#').count();
    let open = start + 1 + hashes;
    if chars.get(open) != Some(&'"') {
        return Err(Refused { at: start, message: "a raw text starts with `r\"`".to_owned() });
    }
    let body = &chars[open + 1..];
    let end = (0..body.len())
        .find(|&i| body[i] == '"' && body[i + 1..].iter().take(hashes).filter(|c| **c == '#').count() == hashes);
    let Some(end) = end else {
        return Err(Refused { at: start, message: "the raw text is not closed".to_owned() });
    };
    *at = open + 1 + end + 1 + hashes;
    Ok(What::Text(body[..end].iter().collect()))
}

// Types and tree

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Number,
    Truth,
    Address,
    List,
    Map,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Text => "a text",
            Kind::Number => "a number",
            Kind::Truth => "a condition",
            Kind::Address => "an address",
            Kind::List => "a list",
            Kind::Map => "a map",
        })
    }
}

#[derive(Debug, Clone, PartialEq)]
enum Value {
    Text(String),
    Number(i64),
    Truth(bool),
    Address(IpAddr),
    List(Vec<Value>),
}

#[derive(Debug, Clone)]
enum Node {
    Literal(Value),
    Field(Field),
    /// `map["key"]`.
    Key(Map, String),
    /// `list[0]`.
    Nth(Box<Node>, usize),
    Call(Function, Vec<Node>),
    Compare(Box<Node>, Order, Value),
    Contains(Box<Node>, String),
    Matches(Box<Node>, Regex),
    Within(Box<Node>, Vec<Item>),
    Not(Box<Node>),
    And(Box<Node>, Box<Node>),
    Or(Box<Node>, Box<Node>),
    Xor(Box<Node>, Box<Node>),
}

#[derive(Debug, Clone, Copy)]
enum Field {
    Host,
    Uri,
    Path,
    Extension,
    Query,
    FullUri,
    Method,
    Cookie,
    UserAgent,
    Referer,
    Ssl,
    Source,
    Country,
    KnownBot,
}

#[derive(Debug, Clone, Copy)]
enum Map {
    Headers,
    Cookies,
    Arguments,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Function {
    Any,
    All,
    Concat,
    EndsWith,
    Len,
    Lower,
    StartsWith,
    Substring,
    Upper,
}

#[derive(Debug, Clone, Copy)]
enum Order {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// A member of `{...}`.
#[derive(Debug, Clone)]
enum Item {
    Text(String),
    Numbers(i64, i64),
    Network(IpNet),
    Addresses(IpAddr, IpAddr),
}

/// A node with its type. With `each`, it stands for every element of a list (`[*]`) and `kind` is theirs.
struct Typed {
    at: usize,
    node: Node,
    kind: Kind,
    each: bool,
    /// What a list holds.
    of: Kind,
    map: Option<Map>,
}

impl Typed {
    fn new(at: usize, node: Node, kind: Kind) -> Self {
        Self { at, node, kind, each: false, of: Kind::Text, map: None }
    }

    fn described(&self) -> String {
        if self.each { format!("every element of a list, each {}", self.kind) } else { self.kind.to_string() }
    }
}

struct Parser<'a> {
    tokens: Vec<Token>,
    next: usize,
    depth: usize,
    end: usize,
    lists: &'a Lists,
}

impl Parser<'_> {
    fn at(&self) -> usize {
        self.tokens.get(self.next).map_or(self.end, |token| token.at)
    }

    fn fail<T>(&self, message: impl Into<String>) -> Result<T, Refused> {
        Err(Refused { at: self.at(), message: message.into() })
    }

    /// Takes the next token if it is one of these words or signs.
    fn take(&mut self, any: &[&str]) -> bool {
        let found = match self.tokens.get(self.next).map(|token| &token.what) {
            Some(What::Word(word)) => any.contains(&word.as_str()),
            Some(What::Sign(sign)) => any.contains(sign),
            _ => false,
        };
        self.next += usize::from(found);
        found
    }

    fn expect(&mut self, sign: &str) -> Result<(), Refused> {
        if self.take(&[sign]) {
            return Ok(());
        }
        match self.tokens.get(self.next) {
            Some(token) => self.fail(format!("expected `{sign}`, found {}", token.what)),
            None => self.fail(format!("expected `{sign}`, found the end")),
        }
    }

    fn either(&mut self) -> Result<Typed, Refused> {
        self.chain(Self::exclusive, &["or", "||"], Node::Or)
    }

    fn exclusive(&mut self) -> Result<Typed, Refused> {
        self.chain(Self::both, &["xor", "^^"], Node::Xor)
    }

    fn both(&mut self) -> Result<Typed, Refused> {
        self.chain(Self::negation, &["and", "&&"], Node::And)
    }

    fn chain(
        &mut self,
        operand: fn(&mut Self) -> Result<Typed, Refused>,
        signs: &[&str],
        join: fn(Box<Node>, Box<Node>) -> Node,
    ) -> Result<Typed, Refused> {
        let mut left = operand(self)?;
        let mut links = 0;
        while self.take(signs) {
            let right = operand(self)?;
            for side in [&left, &right] {
                truth(side)?;
            }
            // Each link nests the tree by one, and the tree is walked recursively.
            links += 1;
            if links > LONGEST / 8 {
                return self.fail("too many operands");
            }
            left = Typed::new(left.at, join(Box::new(left.node), Box::new(right.node)), Kind::Truth);
        }
        Ok(left)
    }

    fn negation(&mut self) -> Result<Typed, Refused> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return self.fail(format!("nested more than {DEEPEST} deep"));
        }
        let at = self.at();
        let result = if self.take(&["not", "!"]) {
            let inner = self.negation()?;
            truth(&inner)?;
            Typed::new(at, Node::Not(Box::new(inner.node)), Kind::Truth)
        } else {
            self.comparison()?
        };
        self.depth -= 1;
        Ok(result)
    }

    fn comparison(&mut self) -> Result<Typed, Refused> {
        let left = self.operand()?;
        let operator_at = self.at();
        let order = if self.take(&["eq", "=="]) {
            Some(Order::Equal)
        } else if self.take(&["ne", "!="]) {
            Some(Order::NotEqual)
        } else if self.take(&["le", "<="]) {
            Some(Order::LessOrEqual)
        } else if self.take(&["lt", "<"]) {
            Some(Order::Less)
        } else if self.take(&["ge", ">="]) {
            Some(Order::GreaterOrEqual)
        } else if self.take(&["gt", ">"]) {
            Some(Order::Greater)
        } else {
            None
        };
        let node = if let Some(order) = order {
            let only_equality = left.kind == Kind::Address;
            if matches!(left.kind, Kind::Truth | Kind::List | Kind::Map)
                || (only_equality && !matches!(order, Order::Equal | Order::NotEqual))
            {
                let message = format!("{} cannot be compared so", left.described());
                return Err(Refused { at: operator_at, message });
            }
            let right = self.constant(left.kind)?;
            Node::Compare(Box::new(left.node), order, right)
        } else if self.take(&["in"]) {
            let items = self.set(left.kind)?;
            Node::Within(Box::new(left.node), items)
        } else if self.take(&["contains"]) {
            let text = self.text_after(&left, operator_at)?;
            Node::Contains(Box::new(left.node), text)
        } else if self.take(&["matches", "~"]) {
            let at = self.at();
            let text = self.text_after(&left, operator_at)?;
            let regex = Regex::new(&text)
                .map_err(|error| Refused { at, message: format!("not a regular expression: {error}") })?;
            Node::Matches(Box::new(left.node), regex)
        } else if self.take(&["wildcard"]) {
            let at = self.at();
            let text = self.text_after(&left, operator_at)?;
            Node::Matches(Box::new(left.node), wildcard(&text, false, at)?)
        } else if self.take(&["strict"]) {
            self.expect("wildcard")?;
            let at = self.at();
            let text = self.text_after(&left, operator_at)?;
            Node::Matches(Box::new(left.node), wildcard(&text, true, at)?)
        } else {
            return Ok(left);
        };
        Ok(Typed { each: left.each, ..Typed::new(left.at, node, Kind::Truth) })
    }

    fn text_after(&mut self, left: &Typed, operator_at: usize) -> Result<String, Refused> {
        if left.kind != Kind::Text {
            return Err(Refused { at: operator_at, message: format!("{} holds no text to search", left.described()) });
        }
        match self.constant(Kind::Text)? {
            Value::Text(text) => Ok(text),
            _ => self.fail("expected a text"),
        }
    }

    /// The right side of an operator: always a constant.
    fn constant(&mut self, kind: Kind) -> Result<Value, Refused> {
        let at = self.at();
        let value = match self.tokens.get(self.next).map(|token| &token.what) {
            Some(What::Text(text)) if kind == Kind::Text => Value::Text(text.clone()),
            Some(What::Bare(text)) if kind == Kind::Number => match text.parse() {
                Ok(number) => Value::Number(number),
                Err(_) => return self.fail(format!("`{text}` is not a number")),
            },
            Some(What::Bare(text)) if kind == Kind::Address => match text.parse() {
                Ok(address) => Value::Address(address),
                Err(_) => return self.fail(format!("`{text}` is not an address")),
            },
            Some(what) => {
                return Err(Refused { at, message: format!("expected {kind} as a constant, found {what}") });
            }
            None => return self.fail(format!("expected {kind} as a constant, found the end")),
        };
        self.next += 1;
        Ok(value)
    }

    fn set(&mut self, kind: Kind) -> Result<Vec<Item>, Refused> {
        if self.take(&["$"]) {
            return self.list(kind);
        }
        self.expect("{")?;
        let mut items = Vec::new();
        while !self.take(&["}"]) {
            let at = self.at();
            let item = match self.tokens.get(self.next).map(|token| &token.what) {
                Some(What::Text(text)) if kind == Kind::Text => Some(Item::Text(text.clone())),
                Some(What::Bare(text)) if kind == Kind::Number => numbers(text),
                Some(What::Bare(text)) if kind == Kind::Address => addresses(text),
                None => return self.fail("the set is not closed"),
                Some(_) => None,
            };
            let Some(item) = item else {
                return Err(Refused { at, message: format!("expected {kind} in this set") });
            };
            self.next += 1;
            items.push(item);
        }
        if items.is_empty() {
            return self.fail("the set is empty");
        }
        Ok(items)
    }

    /// `$name`, of which only addresses are known.
    fn list(&mut self, kind: Kind) -> Result<Vec<Item>, Refused> {
        let name = match self.tokens.get(self.next).map(|token| &token.what) {
            Some(What::Word(name)) if kind == Kind::Address => name,
            _ => return self.fail("expected the name of a list of addresses"),
        };
        let Some(ranges) = self.lists.get(name) else {
            return self.fail(format!("the account holds no list `{name}`"));
        };
        let items = ranges.iter().map(|range| Item::Network(*range)).collect();
        self.next += 1;
        Ok(items)
    }

    fn operand(&mut self) -> Result<Typed, Refused> {
        let at = self.at();
        let Some(token) = self.tokens.get(self.next).cloned() else {
            return self.fail("expected a condition or a value, found the end");
        };
        self.next += 1;
        let mut operand = match token.what {
            What::Sign("(") => {
                let inner = self.either()?;
                self.expect(")")?;
                Typed { at, ..inner }
            }
            What::Text(text) => Typed::new(at, Node::Literal(Value::Text(text)), Kind::Text),
            What::Bare(text) => match (text.parse::<i64>(), text.parse::<IpAddr>()) {
                (Ok(number), _) => Typed::new(at, Node::Literal(Value::Number(number)), Kind::Number),
                (_, Ok(address)) => Typed::new(at, Node::Literal(Value::Address(address)), Kind::Address),
                _ => return Err(Refused { at, message: format!("`{}` is no value", text.escape_debug()) }),
            },
            What::Word(word) if self.take(&["("]) => self.call(&word, at)?,
            What::Word(word) => field(&word, at)?,
            What::Sign(sign) => {
                return Err(Refused { at, message: format!("expected a condition or a value, found `{sign}`") });
            }
        };
        while self.take(&["["]) {
            operand = self.element(operand)?;
        }
        if let Some(map) = operand.map {
            return Err(Refused { at, message: format!("{map:?} needs a key: `[\"...\"]`") });
        }
        Ok(operand)
    }

    fn element(&mut self, of: Typed) -> Result<Typed, Refused> {
        let at = self.at();
        let result = match (self.tokens.get(self.next).map(|token| token.what.clone()), of.map, of.kind) {
            (Some(What::Text(key)), Some(map), _) => Typed::new(of.at, Node::Key(map, key), Kind::List),
            (Some(What::Bare(nth)), None, Kind::List) => match nth.parse() {
                Ok(nth) => Typed::new(of.at, Node::Nth(Box::new(of.node), nth), of.of),
                Err(_) => return Err(Refused { at, message: format!("`{nth}` is no index") }),
            },
            (Some(What::Sign("*")), None, Kind::List) => Typed { each: true, ..Typed::new(of.at, of.node, of.of) },
            _ => return Err(Refused { at, message: "this index does not fit".to_owned() }),
        };
        self.next += 1;
        self.expect("]")?;
        Ok(result)
    }

    fn call(&mut self, name: &str, at: usize) -> Result<Typed, Refused> {
        let function = match name {
            "any" => Function::Any,
            "all" => Function::All,
            "concat" => Function::Concat,
            "ends_with" => Function::EndsWith,
            "len" => Function::Len,
            "lower" => Function::Lower,
            "starts_with" => Function::StartsWith,
            "substring" => Function::Substring,
            "upper" => Function::Upper,
            _ => return Err(Refused { at, message: format!("golive knows no function `{name}`") }),
        };
        let mut arguments = Vec::new();
        if !self.take(&[")"]) {
            loop {
                arguments.push(self.either()?);
                if !self.take(&[","]) {
                    self.expect(")")?;
                    break;
                }
            }
        }
        typed_call(function, name, at, arguments)
    }
}

fn typed_call(function: Function, name: &str, at: usize, arguments: Vec<Typed>) -> Result<Typed, Refused> {
    let kinds: Vec<Kind> = arguments.iter().map(|argument| argument.kind).collect();
    let fits = match function {
        Function::Any | Function::All => kinds == [Kind::Truth] && arguments.iter().all(|argument| argument.each),
        Function::Concat => {
            !kinds.is_empty() && arguments.iter().all(|a| matches!(a.kind, Kind::Text | Kind::Number) && !a.each)
        }
        Function::StartsWith | Function::EndsWith => kinds == [Kind::Text, Kind::Text] && !arguments[1].each,
        Function::Len | Function::Lower | Function::Upper => kinds == [Kind::Text],
        Function::Substring => {
            matches!(kinds[..], [Kind::Text, Kind::Number] | [Kind::Text, Kind::Number, Kind::Number])
                && arguments[1..].iter().all(|argument| !argument.each)
        }
    };
    if !fits {
        let given: Vec<String> = arguments.iter().map(Typed::described).collect();
        return Err(Refused { at, message: format!("`{name}` does not take ({})", given.join(", ")) });
    }
    let kind = match function {
        Function::Any | Function::All | Function::StartsWith | Function::EndsWith => Kind::Truth,
        Function::Len => Kind::Number,
        Function::Concat | Function::Lower | Function::Upper | Function::Substring => Kind::Text,
    };
    let reduces = matches!(function, Function::Any | Function::All);
    let each = !reduces && arguments.first().is_some_and(|argument| argument.each);
    let nodes = arguments.into_iter().map(|argument| argument.node).collect();
    let call = Typed::new(at, Node::Call(function, nodes), kind);
    Ok(match (each, kind) {
        (false, _) => call,
        (true, Kind::Truth) => Typed { each, ..call },
        // A call for every element makes a list, whose elements are named by `[*]` again.
        (true, of) => Typed { kind: Kind::List, of, ..call },
    })
}

fn truth(side: &Typed) -> Result<(), Refused> {
    if side.kind == Kind::Truth && !side.each {
        return Ok(());
    }
    Err(Refused { at: side.at, message: format!("expected a condition, this is {}", side.described()) })
}

fn field(word: &str, at: usize) -> Result<Typed, Refused> {
    let (field, kind) = match word {
        "true" => return Ok(Typed::new(at, Node::Literal(Value::Truth(true)), Kind::Truth)),
        "false" => return Ok(Typed::new(at, Node::Literal(Value::Truth(false)), Kind::Truth)),
        "http.request.headers" => return Ok(map(at, Map::Headers)),
        "http.request.cookies" => return Ok(map(at, Map::Cookies)),
        "http.request.uri.args" => return Ok(map(at, Map::Arguments)),
        "http.host" => (Field::Host, Kind::Text),
        "http.request.uri" => (Field::Uri, Kind::Text),
        "http.request.uri.path" => (Field::Path, Kind::Text),
        "http.request.uri.path.extension" => (Field::Extension, Kind::Text),
        "http.request.uri.query" => (Field::Query, Kind::Text),
        "http.request.full_uri" => (Field::FullUri, Kind::Text),
        "http.request.method" => (Field::Method, Kind::Text),
        "http.cookie" => (Field::Cookie, Kind::Text),
        "http.user_agent" => (Field::UserAgent, Kind::Text),
        "http.referer" => (Field::Referer, Kind::Text),
        "ssl" => (Field::Ssl, Kind::Truth),
        "ip.src" => (Field::Source, Kind::Address),
        "ip.src.country" => (Field::Country, Kind::Text),
        "cf.client.bot" => (Field::KnownBot, Kind::Truth),
        _ => return Err(Refused { at, message: format!("golive knows no field `{word}`") }),
    };
    Ok(Typed::new(at, Node::Field(field), kind))
}

fn map(at: usize, map: Map) -> Typed {
    // The node is never evaluated: `Parser::operand` refuses a map that no key follows.
    Typed { map: Some(map), ..Typed::new(at, Node::Key(map, String::new()), Kind::Map) }
}

fn numbers(text: &str) -> Option<Item> {
    let (from, to) = text.split_once("..").unwrap_or((text, text));
    Some(Item::Numbers(from.parse().ok()?, to.parse().ok()?))
}

fn addresses(text: &str) -> Option<Item> {
    if let Ok(network) = text.parse() {
        return Some(Item::Network(network));
    }
    let (from, to) = text.split_once("..").unwrap_or((text, text));
    Some(Item::Addresses(from.parse().ok()?, to.parse().ok()?))
}

/// `*` stands for anything, `\*` for itself; the whole value has to match.
fn wildcard(pattern: &str, strict: bool, at: usize) -> Result<Regex, Refused> {
    if pattern.contains("**") {
        return Err(Refused { at, message: "`**` is not allowed in a wildcard".to_owned() });
    }
    let mut regex = String::from("^");
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '*' => regex.push_str(".*"),
            '\\' if matches!(chars.peek(), Some('*' | '\\')) => {
                regex.push_str(&regex::escape(&chars.next().map(String::from).unwrap_or_default()));
            }
            c => regex.push_str(&regex::escape(&c.to_string())),
        }
    }
    regex.push('$');
    RegexBuilder::new(&regex)
        .case_insensitive(!strict)
        .dot_matches_new_line(true)
        .build()
        .map_err(|error| Refused { at, message: error.to_string() })
}

// Evaluation

impl Node {
    /// `None` where what is asked for is missing from the request.
    fn value(&self, facts: &Facts<'_>) -> Option<Value> {
        match self {
            Node::Literal(value) => Some(value.clone()),
            Node::Field(field) => field.value(facts),
            Node::Key(map, key) => {
                let found = map.values(facts, key);
                (!found.is_empty()).then(|| Value::List(found.into_iter().map(Value::Text).collect()))
            }
            Node::Nth(list, nth) => match list.value(facts)? {
                Value::List(items) => items.into_iter().nth(*nth),
                _ => None,
            },
            Node::Call(function, arguments) => function.call(arguments, facts),
            Node::Compare(left, order, right) => judge(left, facts, |value| order.holds(value, right)),
            Node::Contains(left, text) => {
                judge(left, facts, |value| matches!(value, Value::Text(whole) if whole.contains(text.as_str())))
            }
            Node::Matches(left, regex) => {
                judge(left, facts, |value| matches!(value, Value::Text(whole) if regex.is_match(whole)))
            }
            Node::Within(left, items) => judge(left, facts, |value| items.iter().any(|item| item.holds(value))),
            Node::Not(inner) => Some(Value::Truth(!inner.truth(facts))),
            Node::And(left, right) => Some(Value::Truth(left.truth(facts) && right.truth(facts))),
            Node::Or(left, right) => Some(Value::Truth(left.truth(facts) || right.truth(facts))),
            Node::Xor(left, right) => Some(Value::Truth(left.truth(facts) != right.truth(facts))),
        }
    }

    fn truth(&self, facts: &Facts<'_>) -> bool {
        matches!(self.value(facts), Some(Value::Truth(true)))
    }
}

/// A comparison: false of what is missing, one by one for each element of a list.
fn judge(left: &Node, facts: &Facts<'_>, holds: impl Fn(&Value) -> bool) -> Option<Value> {
    Some(match left.value(facts) {
        None => Value::Truth(false),
        Some(Value::List(items)) => Value::List(items.iter().map(|item| Value::Truth(holds(item))).collect()),
        Some(value) => Value::Truth(holds(&value)),
    })
}

impl Order {
    fn holds(self, left: &Value, right: &Value) -> bool {
        let order = match (left, right) {
            (Value::Text(left), Value::Text(right)) => left.cmp(right),
            (Value::Number(left), Value::Number(right)) => left.cmp(right),
            (Value::Address(left), Value::Address(right)) => left.cmp(right),
            _ => return false,
        };
        match self {
            Order::Equal => order.is_eq(),
            Order::NotEqual => order.is_ne(),
            Order::Less => order.is_lt(),
            Order::LessOrEqual => order.is_le(),
            Order::Greater => order.is_gt(),
            Order::GreaterOrEqual => order.is_ge(),
        }
    }
}

impl Item {
    fn holds(&self, value: &Value) -> bool {
        match (self, value) {
            (Item::Text(item), Value::Text(text)) => item == text,
            (Item::Numbers(from, to), Value::Number(number)) => (from..=to).contains(&number),
            (Item::Network(network), Value::Address(address)) => network.contains(address),
            (Item::Addresses(from, to), Value::Address(address)) => {
                address.is_ipv4() == from.is_ipv4() && (from..=to).contains(&address)
            }
            _ => false,
        }
    }
}

impl Function {
    fn call(self, arguments: &[Node], facts: &Facts<'_>) -> Option<Value> {
        let first = arguments.first().and_then(|argument| argument.value(facts));
        match self {
            Function::Any | Function::All => {
                let Some(Value::List(items)) = first else { return Some(Value::Truth(false)) };
                let mut truths = items.iter().map(|item| *item == Value::Truth(true));
                Some(Value::Truth(if self == Function::Any { truths.any(|t| t) } else { truths.all(|t| t) }))
            }
            Function::Concat => {
                let parts = arguments.iter().filter_map(|argument| argument.value(facts));
                let parts = parts.map(|part| match part {
                    Value::Text(text) => text,
                    Value::Number(number) => number.to_string(),
                    _ => String::new(),
                });
                Some(Value::Text(parts.collect()))
            }
            Function::StartsWith | Function::EndsWith => {
                let Some(Value::Text(part)) = arguments.get(1).and_then(|argument| argument.value(facts)) else {
                    return Some(Value::Truth(false));
                };
                judge(arguments.first()?, facts, |value| match value {
                    Value::Text(whole) if self == Function::StartsWith => whole.starts_with(&part),
                    Value::Text(whole) => whole.ends_with(&part),
                    _ => false,
                })
            }
            Function::Len => mapped(first?, &|text| Value::Number(i64::try_from(text.len()).unwrap_or(i64::MAX))),
            Function::Lower => mapped(first?, &|text| Value::Text(text.to_ascii_lowercase())),
            Function::Upper => mapped(first?, &|text| Value::Text(text.to_ascii_uppercase())),
            Function::Substring => {
                let bound = |nth: usize| match arguments.get(nth).and_then(|argument| argument.value(facts)) {
                    Some(Value::Number(number)) => Some(number),
                    _ => None,
                };
                let (from, to) = (bound(1)?, bound(2));
                mapped(first?, &|text| Value::Text(substring(&text, from, to)))
            }
        }
    }
}

fn mapped(value: Value, change: &dyn Fn(String) -> Value) -> Option<Value> {
    match value {
        Value::Text(text) => Some(change(text)),
        Value::List(items) => Some(Value::List(items.into_iter().filter_map(|item| mapped(item, change)).collect())),
        _ => None,
    }
}

/// Bytes from `from` up to and without `to`, both counted from the end when negative.
fn substring(text: &str, from: i64, to: Option<i64>) -> String {
    let length = i64::try_from(text.len()).unwrap_or(i64::MAX);
    let place = |index: i64| {
        let index = if index < 0 { length.saturating_add(index) } else { index };
        usize::try_from(index.clamp(0, length)).unwrap_or(0)
    };
    let (from, to) = (place(from), to.map_or(text.len(), place));
    String::from_utf8_lossy(text.as_bytes().get(from..to).unwrap_or_default()).into_owned()
}

impl Field {
    fn value(self, facts: &Facts<'_>) -> Option<Value> {
        let header = |name| {
            let values: Vec<_> = facts.headers.get_all(name).iter().map(lossy).collect();
            // An absent header is an empty text to these fields.
            Some(Value::Text(values.join("; ")))
        };
        let text = |text: &str| Some(Value::Text(text.to_owned()));
        match self {
            Field::Host => text(facts.host),
            Field::Uri => Some(Value::Text(facts.uri())),
            Field::Path => text(facts.path),
            Field::Extension => text(&extension(facts.path)),
            Field::Query => text(facts.query.unwrap_or_default()),
            Field::FullUri => Some(Value::Text(facts.full_uri())),
            Field::Method => text(facts.method),
            Field::Cookie => header(COOKIE),
            Field::UserAgent => header(USER_AGENT),
            Field::Referer => header(REFERER),
            Field::Ssl => Some(Value::Truth(facts.https)),
            Field::Source => Some(Value::Address(facts.client)),
            Field::Country => text(facts.country),
            // Nobody that golive plays or predicts is a crawler that Cloudflare has verified.
            Field::KnownBot => Some(Value::Truth(false)),
        }
    }
}

impl Map {
    fn values(self, facts: &Facts<'_>, key: &str) -> Vec<String> {
        match self {
            Map::Headers => facts.headers.get_all(key).iter().map(lossy).collect(),
            Map::Cookies => facts
                .headers
                .get_all(COOKIE)
                .iter()
                .flat_map(|line| lossy(line).split(';').map(str::to_owned).collect::<Vec<_>>())
                .filter_map(|cookie| pair(cookie.trim(), key))
                .collect(),
            Map::Arguments => {
                facts.query.unwrap_or_default().split('&').filter_map(|argument| pair(argument, key)).collect()
            }
        }
    }
}

fn pair(text: &str, key: &str) -> Option<String> {
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    (name == key && !name.is_empty()).then(|| value.to_owned())
}

fn lossy(value: &hyper::header::HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).into_owned()
}

/// Lower-case extension of the last segment, without the dot; empty where there is none.
pub fn extension(path: &str) -> String {
    let file = path.rsplit('/').next().unwrap_or_default();
    file.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase()).unwrap_or_default()
}

impl Facts<'_> {
    /// Path and query.
    pub fn uri(&self) -> String {
        match self.query {
            Some(query) => format!("{}?{query}", self.path),
            None => self.path.to_owned(),
        }
    }

    pub fn full_uri(&self) -> String {
        format!("{}://{}{}", if self.https { "https" } else { "http" }, self.host, self.uri())
    }
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    fn headers() -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("accept", "text/html"),
            ("accept", "application/json"),
            ("cookie", "theme=dark; session=s3cret"),
            ("user-agent", "Mozilla/5.0 \"quoted\""),
        ] {
            headers.append(name, HeaderValue::from_static(value));
        }
        headers
    }

    fn facts(headers: &HeaderMap) -> Facts<'_> {
        Facts {
            method: "GET",
            https: true,
            host: "www.example.org",
            path: "/news/Today.HTML",
            query: Some("utm_source=x&page=2"),
            headers,
            client: "198.51.100.7".parse().expect("an address"),
            country: "FR",
        }
    }

    #[test]
    fn conditions() {
        let headers = headers();
        let facts = facts(&headers);
        for (text, expected) in [
            ("true", true),
            ("not true", false),
            ("ssl", true),
            ("not ssl", false),
            ("!ssl || true", true),
            ("http.host eq \"www.example.org\"", true),
            ("http.host == r\"www.example.org\"", true),
            ("http.host ne \"www.example.org\"", false),
            ("(http.host eq \"www.example.org\" and ssl)", true),
            ("starts_with(http.request.uri.path, \"/news/\") and not ssl", false),
            ("ends_with(lower(http.request.uri.path), \".html\")", true),
            ("http.request.uri.path contains \"Today\"", true),
            ("http.request.uri.path contains \"today\"", false),
            ("http.request.uri.path.extension in {\"css\" \"html\"}", true),
            ("http.request.uri eq \"/news/Today.HTML?utm_source=x&page=2\"", true),
            ("http.request.uri.query contains \"page=2\"", true),
            ("http.request.full_uri eq \"https://www.example.org/news/Today.HTML?utm_source=x&page=2\"", true),
            ("http.request.full_uri wildcard \"HTTPS://*.example.org/*\"", true),
            ("http.request.full_uri strict wildcard \"HTTPS://*.example.org/*\"", false),
            ("http.request.full_uri wildcard \"https://www.example.org\"", false),
            ("http.request.uri.path matches r#\"^/news/\\w+\\.HTML$\"#", true),
            ("http.request.uri.path ~ \"^/blog\"", false),
            ("http.request.method in {\"GET\" \"HEAD\"}", true),
            ("http.cookie contains \"session=\"", true),
            ("any(http.request.cookies[\"session\"][*] eq \"s3cret\")", true),
            ("any(http.request.headers[\"accept\"][*] contains \"json\")", true),
            ("all(http.request.headers[\"accept\"][*] contains \"json\")", false),
            ("any(upper(http.request.headers[\"accept\"][*])[*] eq \"TEXT/HTML\")", true),
            ("any(len(http.request.headers[\"accept\"][*])[*] gt 9)", true),
            ("upper(http.request.headers[\"accept\"][*])[0] eq \"TEXT/HTML\"", true),
            ("any(starts_with(http.request.headers[\"accept\"][*], \"text\"))", true),
            ("http.request.headers[\"accept\"][0] eq \"text/html\"", true),
            // What is missing makes a comparison false, also an unequal.
            ("http.request.headers[\"x-none\"][0] ne \"a\"", false),
            ("not any(http.request.headers[\"x-none\"][*] eq \"a\")", true),
            ("http.request.uri.args[\"page\"][0] eq \"2\"", true),
            ("http.user_agent contains \"\\\"quoted\\\"\"", true),
            ("http.referer eq \"\"", true),
            ("len(http.host) ge 15", true),
            ("len(http.host) gt 15", false),
            ("len(http.host) in {1 10..20}", true),
            ("ip.src eq 198.51.100.7", true),
            ("ip.src in {203.0.113.0/24 198.51.100.0/24}", true),
            ("ip.src in {198.51.100.1..198.51.100.6 2001:db8::/32}", false),
            ("ip.src.country in {\"BE\" \"FR\"}", true),
            ("not ip.src.country in {\"BE\" \"FR\"}", false),
            ("not cf.client.bot", true),
            // not, then and, then xor, then or.
            ("not ssl and ssl or true", true),
            ("true xor true and false", true),
            ("true xor true or false", false),
            ("false ^^ true", true),
        ] {
            let condition = Condition::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(condition.holds(&facts), expected, "{text}");
        }
    }

    #[test]
    fn lists_stand_for_their_members() {
        let headers = headers();
        let facts = facts(&headers);
        let lists = Lists::from([
            ("in_it".to_owned(), vec!["198.51.100.0/24".parse().expect("a range")]),
            ("empty".to_owned(), vec![]),
        ]);
        let holds = |text: &str| Condition::with_lists(text, &lists).expect(text).holds(&facts);
        assert!(holds("ip.src in $in_it") && holds("not ip.src in $empty"));
    }

    #[test]
    fn texts() {
        let headers = headers();
        let facts = facts(&headers);
        for (text, expected) in [
            ("concat(\"https://\", http.host, http.request.uri.path)", "https://www.example.org/news/Today.HTML"),
            ("upper(substring(http.host, 0, 3))", "WWW"),
            ("substring(http.host, -3)", "org"),
            ("substring(http.host, 4, -4)", "example"),
            ("substring(http.host, 9, 2)", ""),
            ("concat(\"a\", 1)", "a1"),
            ("http.request.headers[\"x-none\"][0]", ""),
        ] {
            let expression = TextExpression::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(expression.evaluate(&facts), expected, "{text}");
        }
    }

    #[test]
    fn refusals_name_the_place() {
        for (text, at, message) in [
            ("", 0, "found the end"),
            ("http.hosst eq \"a\"", 0, "no field `http.hosst`"),
            ("http.host eq", 12, "found the end"),
            ("http.host eq 5", 13, "expected a text"),
            ("http.host eq \"a", 13, "not closed"),
            ("http.host eq r#\"a\"", 13, "not closed"),
            ("http.host eq \"\\n\"", 14, "escapes"),
            ("http.host", 0, "not a condition"),
            ("ssl eq true", 4, "cannot be compared"),
            ("ssl ssl", 4, "left over"),
            ("SSL", 0, "no field `SSL`"),
            ("ssl AND ssl", 4, "left over"),
            ("http.host and ssl", 0, "expected a condition"),
            ("(ssl", 4, "expected `)`"),
            ("ip.src eq \"1.2.3.4\"", 10, "expected an address"),
            ("ip.src gt 1.2.3.4", 7, "cannot be compared"),
            ("ip.src in $partners", 11, "no list `partners`"),
            ("ip.src in $", 11, "name of a list"),
            ("http.host in $partners", 14, "name of a list"),
            ("ip.src in {}", 12, "empty"),
            ("ip.src in {1.2.3.4/99}", 11, "expected an address"),
            ("http.request.uri.path matches \"(\"", 30, "regular expression"),
            ("http.request.uri wildcard \"/**\"", 26, "`**`"),
            ("http.request.headers contains \"x\"", 0, "needs a key"),
            ("http.request.headers[\"a\"] eq \"x\"", 26, "cannot be compared"),
            ("any(http.request.headers[\"a\"][0] eq \"x\")", 0, "does not take"),
            ("http.request.headers[\"a\"][*] eq \"x\"", 0, "every element"),
            ("any(lower(http.request.headers[\"a\"][*]) eq \"x\")", 40, "cannot be compared"),
            ("regex_replace(http.host, \"a\", \"b\") eq \"x\"", 0, "no function"),
            ("starts_with(http.host)", 0, "does not take (a text)"),
            ("http.host starts_with \"a\"", 10, "left over"),
            ("ssl # comment", 4, "means nothing"),
            ("é", 0, "means nothing"),
        ] {
            let refused = Condition::parse(text).expect_err(text);
            assert!(refused.message.contains(message) && refused.at == at, "{text}: {refused:?}");
        }
    }

    #[test]
    fn depth_and_length_are_bounded() {
        let deep = |depth: usize| format!("{}ssl{}", "(".repeat(depth), ")".repeat(depth));
        assert!(Condition::parse(&deep(20)).is_ok());
        for hostile in [deep(1000), "not ".repeat(900) + "ssl", "any(".repeat(900), "ssl or ".repeat(580) + "ssl"] {
            // Refused or not, it comes to an end on a small stack.
            let done = std::thread::Builder::new()
                .stack_size(1024 * 1024)
                .spawn(move || {
                    let headers = HeaderMap::new();
                    Condition::parse(&hostile).map(|condition| condition.holds(&facts(&headers))).is_ok()
                })
                .expect("a thread")
                .join();
            assert!(done.is_ok());
        }
        assert!(Condition::parse(&"x".repeat(LONGEST + 1)).is_err());
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_parsed_or_refused(text in "[a-z.\"\\\\(){}\\[\\]*$0-9/: r#~!=<>&|^,-]{0,60}") {
            let _ = Condition::parse(&text);
            let _ = TextExpression::parse(&text);
        }
    }
}
