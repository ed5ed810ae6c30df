"""How answers are worded, Chinese and English: the data of `extraction`.

All are regular expressions over text as `extraction.plain` leaves it: half-width, without marks
of emphasis. GROUP stands for letters of options, one or several.
"""

# What says that the letters after it are the answer.
_VERBS_EN = r"(?:is|are|was|be|would be|should be|must be|will be|might be|may be|seems to be)"
_ADVERBS_EN = (
    r"(?:(?:therefore|thus|most likely|likely|probably|clearly|definitely|indeed|actually|simply"
    r"|both|either|only|the|an?(?= (?:option|choice)))\s+)*"
)
_NOUNS_EN = r"(?:answers?|options?|choices?|responses?|solution|diagnosis|letters?)"
_OPTION = r"(?:(?:选项|选择|option|choice|letter|answer|number|statement)s?\s*:?\s*)?"
STATED = (
    # 正确答案是：C / 答案为C / 答案选C / 答案C / 最佳选项是C
    r"(?:答案(?:解析)?|解答|答复|结论|结果)(?:应该|应当|应|就|可能|肯定|显然|只能|依次|是|为|选|选择|:|=|,|\s)*"
    r"(?P<not>不(?:是|为|选|应选|应该是|可能是))?" + _OPTION + r"GROUP",
    r"(?:正确|最佳|合适|恰当|符合题意|最可能|最终)(?:的)?(?:选项|选择|项|说法|诊断|一项|做法|是|为)"
    r"(?:应该|应当|应|就|可能|是|为|:|=|\s)*(?P<not>不(?:是|为))?" + _OPTION + r"GROUP",
    r"(?:^|[,。;\s])答(?:是|为|:|\s)*" + _OPTION + r"GROUP",
    # 故选C / 应选C / 选C / 选择C / 我选C / 不选C
    r"(?P<not>(?:不|不能|不应|不应该|不可|不会|不要|不宜|未|别|勿|没|没有|排除|误)(?:再)?)?"
    r"(?:选择|选取|选出|选|挑)(?:了|的是|项|答案|是|为|定|:|\s)*" + _OPTION + r"GROUP",
    r"(?:只有|唯有|仅有|剩下的?|只剩下?|就是|应该是|应当是|应是|应为|那就是|所以是|因此是|故为|故是|我认为是"
    r"|我觉得是|我猜是?|更正为|改为|属于)\s*:?\s*" + _OPTION + r"GROUP",
    r"(?:排除了?|除去|除了|去掉|排除选项)\s*(?P<not>)" + _OPTION + r"GROUP",
    # The answer is C / Answer: C / correct option would be C / the best choice here is C
    r"\b(?:ans(?:wer)?s?\b\.?|guess|pick|" + _NOUNS_EN + r")(?:\s+(?:here|to this question"
    r"|to the question|for this question|for this case|in this case|of choice|choice|"
    r"option))?(?:'s)?\s*"
    r"(?:" + _VERBS_EN + r"|[:=-])+\s*(?P<not>not\b)?\s*:?\s*" + _ADVERBS_EN + _OPTION + r"GROUP",
    r"\b(?:answer|ans\.?)\s+GROUP",
    # I would choose C / go with option C / I'd pick C / rule out C
    r"(?P<not>\b(?:not|never|n't|cannot)\s+)?\b(?:choose|chose|pick|picked|select|selected|"
    r"go(?:ing)? (?:with|for)|went with|opt for|vote for|guess|say|favou?r)\s+"
    + _ADVERBS_EN + _OPTION + r"GROUP",
    r"(?P<not>\b(?:rul(?:e|ed|ing) out|eliminat(?:e|ed|ing)|exclud(?:e|ed|ing)|reject|discard|"
    r"dismiss|not)\s+)" + _ADVERBS_EN + _OPTION + r"GROUP",
    r"\b(?:think|believe|guess|sure|say)\s+(?:that\s+)?(?:it|this|that)(?:'s|\s+is|\s+would be)\s+"
    r"(?P<not>not\s+)?" + _ADVERBS_EN + _OPTION + r"GROUP",
    r"\b(?:think|believe)\s+(?:that\s+)?" + _OPTION + r"GROUP(?=\s*(?:[.,;!]|$))",
    r"\b(?:leaves|leaving|left)(?: us)?(?: with)?(?: only| just)?\s+" + _OPTION + r"GROUP",
    r"\b(?:it|that|this)(?:'s|\s+is|\s+must be|\s+should be|\s+has to be)\s+(?P<not>not\s+)?"
    + _ADVERBS_EN + _OPTION + r"GROUP(?=\s*(?:[.,;!:)]|$|because))",
    r"(?:^|[.;\n]\s*)(?:so|therefore|thus|hence)[,:]?\s+" + _ADVERBS_EN + _OPTION
    + r"GROUP(?=\s*(?:[.!;]|$))",
    r"(?:因此|所以|故|综上(?:所述)?|即)[,:]?\s*" + _OPTION + r"GROUP(?=\s*(?:[。.!;]|$))",
    r"\b(?:correct|best|right|most likely|most appropriate)\s+(?:\w+\s+){1,4}(?:is|would be)\s+"
    + _OPTION + r"GROUP",
    r"\\boxed\s*\{\s*(?:\\text\s*\{)?\s*GROUP",
)  # fmt: skip
# Said of each right option by itself, where wrong statements are asked for: (B错, 为本题正确答案).
STATED_OF_EACH = r"GROUP项?\(?[错对]?,?\s*(?:故|因此)?(?:为|是)(?:本题)?的?(?:正确|最佳)?答案"
# Looked for where none of these stands: 归经错误的是C。
STATED_IN_PASSING = (r"(?:的是|者是|者为|的为)\s*:?\s*" + _OPTION + r"GROUP(?=\s*(?:[。.,;!]|$))",)
# In front of a statement: it ends what was said before, or takes it back.
CONCLUDES = r"故|因此|所以|综上|总之|最后|therefore|thus|hence|\bso\b|in conclusion|overall|leaves"
CORRECTS = (
    r"最终|更正|纠正|改为|改选|应改|不对,|final|actually|correction|on second thought|\bno, |wait"
)
EMPHATIC = r"答案|答:|\bans(?:wer)?s?\b"
# What stands after letters: that they are right, or wrong. Wrong is looked for first.
_LINK = (
    r"(?:[ ]|选项|项|的|说法|描述|表述|叙述|答案|这个|这一|内容|都|均|也|则|才|全|皆|明显|显然|"
    r"完全|是(?!否)|is|are|was|being|both|all|also|clearly|obviously|therefore|thus|the|\(|:|-)*"
)
WRONG = _LINK + (
    r"(?:错误|错|不对|不正确|不准确|不符合?|不是|不属于|不合适|不适合|不恰当|不选|不成立|不合|有误|排除|"
    r"可排除|可以排除|被排除|应排除|无关|×|✗|✘|❌|incorrect|wrong|false|not\b|isn't|aren't|"
    r"inappropriate|unlikely|less likely|ruled out|excluded|eliminated|can be (?:ruled out|"
    r"eliminated|excluded)|cannot be|can't be|doesn't|does not)"
)
RIGHT = _LINK + (
    r"(?:正确|对(?![于照比应称症抗侧象策策其人])|是对的|符合|成立|√|✓|✔|✅|为正确|为本题|"
    r"(?:most|more) (?:likely|appropriate|accurate|suitable)|best|correct|right\b(?! \w*"
    r"(?:atri|ventric|lung|side|arm|leg|hand|kidney))|true|accurate|(?:only|my) (?:answer|choice))"
)
# At the end of an option's line, after a mark: `A. 胃 - 正确`.
_MARK = r"[-–—:,(\[=>]\s*"
RIGHT_AT_END = _MARK + r"(?:正确|对|是|√|✓|✔|✅|correct|right|true|yes)\W*$"
WRONG_AT_END = _MARK + (
    r"(?:错误?|不对|不正确|不是|否|×|✗|✘|❌|incorrect|wrong|false|no|not correct)\W*$"
)
# After a letter: it is part of a word or a name (B超, C型, C反应蛋白, E. coli), no option.
NAMED_AFTER = (
    r"(?:型|超|族|级|群|组|类|细胞|反应|肝|链|波|环|淋巴|期|区|抗原|抗体|病毒|受体|蛋白|因子|照|"
    r"\.\s?(?:coli|difficile|albicans|perfringens|botulinum|tetani|diphtheriae|cloacae|"
    r"faecalis|faecium|histolytica|baumannii|fumigatus|flavus|burgdorferi|pertussis|cereus|"
    r"anthracis|fragilis|dermatitidis|trachomatis|jejuni|neoformans|immitis|lumbricoides|"
    r"duodenale|vermicularis|granulosus|aegypti|henselae|abortus|melitensis|pneumoniae)\b|"
    r"-(?:cell|type|reactive|lactam|blocker|line|wave)|\s(?:cells?|virus|antigen|fib(?:er|re)s?|"
    r"lymphocytes?|waves?|vitamins?)\b|['’](?!s?\s*[,.]))"
)
# A before a small letter is an article, unless one of these goes on.
AFTER_LETTER_EN = (
    r"(?:because|since|as|for|and|or|but|is|are|due|given|which|this|that|the|it|if|when|with|"
    r"in|at|would|should|seems|can|cannot|was|not|correct|incorrect|wrong|right|only|here)\b"
)
# A new question that the model puts to itself after its answer.
NEXT_QUESTION = (
    r"\n\s*(?:题目|问题|例题|第\d+题|下列|关于|question|problem|q\s*\d|\d{1,3}\s*[.、):](?!\d))"
)
# A list of options, of the question that was asked or of a new one.
LIST_OF_OPTIONS = r"\n[(\[]?A ?[.):、][^\n]*\n[(\[]?B ?[.):、]"
DENIES_BEFORE = (
    r"(?:不是|并非|而非|不属于|不选|除了|排除|不|非|\bnot(?: an?| the)?|n't(?: an?| the)?|"
    r"rather than|instead of|except|rule out|unlike|excluding)\s*$"
)
DENIES_AFTER = (
    r"^\s*(?::|-|is|are|was|的|选项|说法|也|都)*\s*"
    r"(?:错|不对|不正确|不符|不是|不选|可?排除|incorrect|wrong|not\b|ruled out|unlikely|false)"
)
