//! JSON values from and to Python objects, without going through text.

use std::fmt::Write;

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple};
use serde_json::{Map, Number, Value};

use crate::{argument, errors};

/// Levels of dicts and lists that are followed; deeper, or cyclic, is refused.
const DEPTH: usize = 100;

/// The JSON value of `object`: None, bool, int, float, str, list, tuple, and dict with str keys.
///
/// Anything that JSON cannot hold exactly is refused with the path of the place: NaN and
/// infinity, integers beyond 64 bits, keys that are no str, other types. Objects that are
/// integers by `__index__`, as NumPy's are, count as int. `name` is what the path starts with;
/// it may be empty.
pub(crate) fn to_value(object: &Bound<'_, PyAny>, name: &str) -> PyResult<Value> {
    convert(object, &Place { parent: None, step: Step::Key(name) }, DEPTH)
}

/// The same for the argument `argument`, which must be a dict.
pub(crate) fn to_object(object: &Bound<'_, PyAny>, argument: &str, name: &str) -> PyResult<Value> {
    if !object.is_instance_of::<PyDict>() {
        return Err(argument::must_be(argument, "a dict", object));
    }
    to_value(object, name)
}

/// The Python object of `value`; inverse of [`to_value`].
pub(crate) fn from_value<'py>(py: Python<'py>, value: &Value) -> PyResult<Bound<'py, PyAny>> {
    Ok(match value {
        Value::Null => py.None().into_bound(py),
        Value::Bool(value) => PyBool::new(py, *value).to_owned().into_any(),
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(value), _) => value.into_pyobject(py)?.into_any(),
            (None, Some(value)) => value.into_pyobject(py)?.into_any(),
            (None, None) => PyFloat::new(py, number.as_f64().unwrap_or(f64::NAN)).into_any(),
        },
        Value::String(text) => PyString::new(py, text).into_any(),
        Value::Array(items) => {
            let list = PyList::empty(py);
            for item in items {
                list.append(from_value(py, item)?)?;
            }
            list.into_any()
        }
        Value::Object(members) => from_members(py, members)?.into_any(),
    })
}

/// The dict of `members`.
pub(crate) fn from_members<'py>(
    py: Python<'py>,
    members: &Map<String, Value>,
) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    for (key, value) in members {
        dict.set_item(key, from_value(py, value)?)?;
    }
    Ok(dict)
}

fn convert(object: &Bound<'_, PyAny>, place: &Place<'_>, depth: usize) -> PyResult<Value> {
    if let Ok(text) = object.cast::<PyString>() {
        return Ok(Value::String(unicode(text, place)?.to_owned()));
    }
    if object.is_none() {
        return Ok(Value::Null);
    }
    // Before int: bool is a kind of int in Python.
    if let Ok(value) = object.cast::<PyBool>() {
        return Ok(Value::Bool(value.is_true()));
    }
    if object.is_instance_of::<PyInt>() {
        return integer(object, place);
    }
    if let Ok(float) = object.cast::<PyFloat>() {
        let value = float.value();
        let number = Number::from_f64(value).ok_or_else(|| {
            let text = format!("{} is not a JSON number", float_name(value));
            place.error(object.py(), &text, "write None or leave the key out")
        })?;
        return Ok(Value::Number(number));
    }
    let is_array = object.is_instance_of::<PyList>() || object.is_instance_of::<PyTuple>();
    if is_array || object.is_instance_of::<PyDict>() {
        if depth == 0 {
            let text = format!("nested deeper than {DEPTH} levels");
            return Err(place.error(object.py(), &text, "does it contain itself?"));
        }
        return if is_array {
            array(object, place, depth)
        } else {
            members(object.cast()?, place, depth)
        };
    }
    if object.hasattr("__index__")? {
        let index = object.py().import("operator")?.call_method1("index", (object,))?;
        return integer(&index, place);
    }
    let text = format!("{} cannot be written as JSON", argument::kind(object));
    Err(place.error(object.py(), &text, "use dict, list, str, int, float, bool or None"))
}

fn integer(object: &Bound<'_, PyAny>, place: &Place<'_>) -> PyResult<Value> {
    object.extract::<i64>().map(Value::from).map_err(|_| {
        let hint = "write it as a str; twins hold integers exactly up to 2^52";
        place.error(object.py(), "the integer does not fit 64 bits", hint)
    })
}

fn array(object: &Bound<'_, PyAny>, place: &Place<'_>, depth: usize) -> PyResult<Value> {
    let mut items = Vec::new();
    for (index, item) in object.try_iter()?.enumerate() {
        let place = Place { parent: Some(place), step: Step::Index(index) };
        items.push(convert(&item?, &place, depth - 1)?);
    }
    Ok(Value::Array(items))
}

fn members(dict: &Bound<'_, PyDict>, place: &Place<'_>, depth: usize) -> PyResult<Value> {
    let mut members = Map::with_capacity(dict.len());
    // Over a copy of the items, since `__index__` of a member may change the dict under us.
    for item in dict.items() {
        let (key, value) = item.extract::<(Bound<'_, PyAny>, Bound<'_, PyAny>)>()?;
        let Ok(text) = key.cast::<PyString>() else {
            let text = format!("a key is {}, not a str", argument::kind(&key));
            return Err(place.error(dict.py(), &text, "keys of JSON objects are strings"));
        };
        let key = unicode(text, place)?;
        let place = Place { parent: Some(place), step: Step::Key(key) };
        let value = convert(&value, &place, depth - 1)?;
        members.insert(key.to_owned(), value);
    }
    Ok(Value::Object(members))
}

fn unicode<'a>(text: &'a Bound<'_, PyString>, place: &Place<'_>) -> PyResult<&'a str> {
    text.to_str().map_err(|_| {
        let hint = "it was probably decoded with surrogateescape";
        place.error(text.py(), "the str holds a lone surrogate, which UTF-8 cannot", hint)
    })
}

fn float_name(value: f64) -> &'static str {
    match (value.is_nan(), value > 0.0) {
        (true, _) => "nan",
        (false, true) => "inf",
        (false, false) => "-inf",
    }
}

/// A place inside the value being read, as a chain on the stack: written out only in errors.
struct Place<'a> {
    parent: Option<&'a Place<'a>>,
    step: Step<'a>,
}

enum Step<'a> {
    Key(&'a str),
    Index(usize),
}

impl Place<'_> {
    fn error(&self, py: Python<'_>, text: &str, hint: &str) -> PyErr {
        let path = self.path();
        let colon = if path.is_empty() { "" } else { ": " };
        errors::invalid(py, &format!("{path}{colon}{text}"), Some(hint))
    }

    fn path(&self) -> String {
        let mut chain = vec![self];
        let mut place = self;
        while let Some(parent) = place.parent {
            chain.push(parent);
            place = parent;
        }
        let mut path = String::new();
        for place in chain.iter().rev() {
            match place.step {
                Step::Key(key) if path.is_empty() => path.push_str(key),
                Step::Key(key) => {
                    path.push('.');
                    path.push_str(key);
                }
                Step::Index(index) => {
                    // Writing to a String cannot fail.
                    let _ = write!(path, "[{index}]");
                }
            }
        }
        path
    }
}
