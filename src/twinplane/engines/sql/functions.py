"""The first allow-list: what the parser of Athena's dialect may have found in a statement.

A name is added here, and to the gate's own list (`allowed`), only with a test that runs it.
"""

from sqlglot import exp

from twinplane.engines.sql.allowed import words

# The shape of a query: clauses, operators, literals.
_STRUCTURE = """
Select From Join Where Group Having Order Ordered Limit Offset Fetch LimitOptions With CTE TableAlias Table Subquery
Union Intersect Except Values Tuple Column Identifier Star Literal Boolean Null Alias Aliases Paren Distinct
TableSample
Rollup Cube GroupingSets Lateral Unnest
Add Sub Mul Div Mod Neg EQ NEQ GT GTE LT LTE And Or Not In Between Like Escape Is NullSafeEQ NullSafeNEQ DPipe
Case If Cast TryCast DataType DataTypeParam ColumnDef Dot Bracket Array Struct Map Lambda Interval IntervalSpan Var
Window WindowSpec Filter IgnoreNulls RespectNulls WithinGroup AtTimeZone Exists Any All PropertyEQ Extract
ConcatWs
"""

# Functions of Athena engine version 3 that the parser knows by a class of its own.
_TYPED = """
Abs Acos Asin Atan Atan2 Cbrt Ceil Cos Cosh Degrees Exp Floor Ln Log Pi Pow Radians Rand Round Sign Sin Sinh Sqrt
Tan
Tanh Trunc IsNan IsInf Greatest Least
Coalesce Nullif Try
Chr Concat Length Levenshtein Lower Pad Replace Reverse Split SplitPart StartsWith StrPosition Substring Translate
Trim
Upper Unicode RegexpExtract RegexpExtractAll RegexpLike RegexpReplace RegexpSplit RegexpCount
CurrentDate CurrentTimestamp Localtimestamp CurrentTime Localtime Date DateAdd DateDiff DateTrunc TimestampTrunc Day
DayOfMonth DayOfWeek DayOfWeekIso DayOfYear Hour Minute Month Quarter Second Week WeekOfYear Year YearOfWeek
YearOfWeekIso LastDay StrToTime TimeToStr TimeToUnix UnixToTime FromISO8601Date FromISO8601Timestamp TsOrDsToDate
TimeStrToTime
Encode Decode MD5Digest MD5 SHA SHA2 SHA1Digest SHA2Digest Hex Unhex ToBase64 FromBase64 Base64Encode
JSONExtract JSONExtractScalar ParseJSON JSONFormat JSONPath JSONPathRoot JSONPathKey JSONPathSubscript
JSONPathWildcard
ArrayContains ArrayDistinct ArrayFilter ArrayMax ArrayMin ArrayPosition ArrayRemove
ArrayReverse ArraySize ArraySlice ArraySort ArrayToString ArrayConcat ArrayOverlaps Flatten GenerateSeries Transform

MapKeys MapFromEntries
BitwiseAnd BitwiseOr BitwiseXor BitwiseNot
AnyValue ApproxDistinct ApproxQuantile ArgMax ArgMin ArrayAgg Avg Corr Count CountIf CovarPop CovarSamp LogicalAnd
LogicalOr Max Min Stddev StddevPop StddevSamp Sum Variance VariancePop Kurtosis Skewness GroupConcat
RegrIntercept RegrSlope BitwiseAndAgg BitwiseOrAgg BitwiseXorAgg
CumeDist DenseRank FirstValue Lag LastValue Lead NthValue Ntile PercentRank Rank RowNumber Grouping
"""

NODES = frozenset(getattr(exp, name) for name in words(_STRUCTURE + _TYPED))

# Functions the parser does not know by class: Athena's name (lower case) -> the name in the generated text.
CALLS = {
    "map_values": "map_values",
    "map_entries": "map_entries",
    "map_concat": "map_concat",
    "map_agg": "athena_map_agg",
    "histogram": "histogram",
    "cardinality": "cardinality",
    "geometric_mean": "athena_geometric_mean",
    "hamming_distance": "hamming",
    "bit_count": "bit_count",
    "array_sum": "list_sum",
    "array_average": "list_avg",
    "url_encode": "url_encode",
    "url_decode": "url_decode",
    "millisecond": "athena_millisecond",
    "truncate": "trunc",
    "e": "athena_e",
    "infinity": "athena_infinity",
    "nan": "athena_nan",
    "is_finite": "isfinite",
    "log2": "log2",
    "json_array_length": "json_array_length",
    "rpad": "rpad",
    "lpad": "lpad",
    "from_unixtime": "to_timestamp",
    "max_by": "arg_max",
    "min_by": "arg_min",
    "every": "bool_and",
    "codepoint": "unicode",
    "arrays_overlap": "list_has_any",
}
