"""Common English words that look like slips of ours, and are not.

Of the sixteen thousand most frequent words of English, those within a slip's reach of a word in
`words.py`. A change there may need a word more here: "weather" must never become "whether".
"""

REAL_WORDS: frozenset[str] = frozenset(
    """
    accent accents accessed actively activism activist activists adapting alarming albert alice
    alike alter altering arena augusta authored authority automatic await awaits barred
    beginnings beings bloke boeing bomber booked boots bored boring brake bread breathing
    breeding brings brink broker brooke buster caller cancer cannon captivity cases ceased chase
    checks cheek chick choke chuck clash clashes coaching commanded commander commanders
    comments compelled compete competed completely complexes concealed conceded concepts concern
    concerned concerts converting converts cooked coupled couples cracking crafting crawling
    crossing crush crushed crushing currents daring dealings decides decisive declared declares
    denis denise described describes destined detained displays division divisions doping dose
    doses drying eighth eighty election elections employed enables erection evenings examines
    example exceptional exciting excluded executive executives exemption expanded expected
    expecting explains explode exploited explored explorer explores faculty falls fault faults
    fellow filed filing filled fined finnish fires fixed flaws flown follows form fried
    furnished giant graft grand grants greed greek greene greens greet handed handing handle
    handler handles hardened hated hating haunt haven heath ignore ignores incidence informative
    informs instruction instructional instructors issued lasts limits lists locking logos
    looting lynch manuel marco marsh match midway monte monty mornings mourning mouth mouths
    naked names needy newer nights norman noting numbers occupied opener operating operation
    operational operatives operators option outrage oversight overweight paint pasta peach
    pissed pisses platforms point precedent precious presiding pressing pretending prints
    proceeding procession progressing protesting pulp purse reacting reaction reactions reasons
    reception recording reduction reductions referenced references reflected reflecting
    reflection reflections refuge refuses regent repeated repeating requested required respected
    respecting resumed resumes retention retro rewarding rights roots ruining seeds seeks sense
    services setting shipped shipping ships shopping shows signs simulation sing situations
    skate skies skins skipper slate slipped slipping slips smart snapping soothing spitting
    sporting stabbing stack staff staffing stage stake stalking standing star stare staring
    stark starring stars starts starving stated states stating stats statue statues statutes
    stems step stepped stepping sterling steven stick stiff stirling stirring stock stopping
    stops stripping struck stuart submarine subscriber subscribers successor suspected suspense
    talked tasked thanked think thinks thirsty thorough threw thugs tilt tours traced traces
    track tracking tract tracy trade training trance traveling triggers troubled truce tying
    underwear vital waist wanting wasting watts weeds whatsoever wherever witch wording words
    worker worms writing
    """.split(),  # noqa: SIM905 - four hundred quotes would hide the words
)
