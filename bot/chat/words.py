"""The lexicon: which words and sayings the grammar knows, and as what.

Each kind is a terminal of `grammar.lark`. Sayings of several words stand beside single ones.
"""

SAYINGS: dict[str, str] = {
    # what a run, an approval or an agent can be
    "FAILED": """
        failed|failing|fail|fails|failled|fld|broke|broken|break|breaks|breaking|crashed|crashing
        errored|erroring|red|unsuccessful|unsuccessfully|died|dead|dying|bombed|borked|busted
        blew up|blown up|blow up|went wrong|gone wrong|go wrong|going wrong|goes wrong|fell over
        fall over|falling over|exploded|fubar|fouled up|messed up|screwed up|went down|gone down
        went bad|gone bad|timed out|aborted|choked|tanked|barfed|kaput|went sideways|in error
        faulted|faulty|not working|isn't working|isnt working|aren't working|arent working
        doesn't work|doesnt work|didn't work|didnt work|did not work|not work|went south""",
    "FAILURE": "failure|error|crash|exception|err",
    "FAILURES": "failures|errors|crashes|exceptions|errs",
    "SUCCEEDED": """
        succeeded|succeed|succeeds|succeeding|success|successes|successful|successfully
        passed|pass|passes|completed|complete|completes|finished|finish|finishes|worked|works
        went through|gone through|go through|goes through|went thru|gone thru|go thru|went well
        gone well|go well|went fine|go fine|went ok|go ok|went okay|worked out|succesful""",
    "SKIPPED": """
        skipped|skip|skips|skipping|skiped|bypassed|passed over|ignored|left out|not needed
        did nothing""",
    "RUNNING": """
        running|in progress|inprogress|in flight|ongoing|on going|still going|executing
        under way|underway|in process|unfinished|mid run|going on|still busy|still at it
        processing""",
    "PENDING": """
        pending|outstanding|awaiting|undecided|unanswered|unapproved|unresolved|unactioned
        to be approved|to be decided|needs approval|need approval|needing approval|needs approving
        need approving|needs approved|need approved|needs sign off|need sign off|needs a decision
        need a decision|requires approval|require approval|requiring approval|to decide|undealt
        hanging|needs signing off|need signing off|on hold|held up|stuck waiting""",
    "WAITING": "waiting|wait|waits|waitin|queued|sitting",
    "OPEN": "open|opened|unclosed",
    "APPROVED": """
        approved|accepted|granted|signed off|oked|okayed|greenlit|green lit|waved through
        let through|authorised|authorized|said yes|allowed""",
    "REJECTED": """
        rejected|rejection|rejections|declined|denied|refused|turned down|turn down|turns down
        said no|knocked back|vetoed|disapproved|nixed|disallowed|not allowed""",
    "ENABLED": """
        enabled|turned on|switched on|activated|live|in use|turnt on|switched back on""",
    "DISABLED": """
        disabled|turned off|switched off|deactivated|inactive|paused|suspended|off|turnt off
        unplugged|dormant|switched of|turned of""",
    "ACTIVE": "active",
    "STOPPED": "stopped|halted|cancelled|canceled",
    "OK": """
        green|ok|okay|good|fine|alright|well|healthy|happy|great|right|normal|hunky dory|smoothly
        alive""",
    "DOWN": "down|offline",
    "UP": "up|online",
    "PROBLEM": """
        problem|problems|issue|issues|wrong|trouble|troubles|outage|outages|incident|incidents
        needs attention|need attention|needs looking at""",
    "STUCK": "stuck|blocked|hung",
    # things
    "RUN": "run|execution|job|exec|rn",
    "RUNS": """
        runs|executions|jobs|execs|history|activity|run history|run log|run logs|job history
        run list|execution history|run results""",
    "RAN": """
        ran|executed|fired|kicked off|happen|happened|happens|happening|occurred|went on|run by
        been up to""",
    "APPROVAL": """
        approval|request|req|approval req|til|til request|approval request|sign off|signoff
        authorisation
        authorization|decision|permission""",
    "APPROVALS": """
        approvals|requests|reqs|tils|til requests|approval requests|sign offs|signoffs
        authorisations
        authorizations|decisions|permissions|approval queue|approvals queue|approval list
        technician in the loop|tech in the loop""",
    "AGENT": "bot agent|agent|workflow|automation|robot|flow",
    "AGENTS": """
        agents|bots|workflows|automations|robots|flows|agent list|work flows|list of agents
        list agents|bot list|workflow list""",
    "BOT": "bot",
    "TICKET": "ticket|tickets|tkt|tickt|tick|case|incident number|service request|sr|tix",
    "NO": "no|id|nr|num|number|ref|reference|nbr",
    "ALERTS": "alert|alerts|alerting|notification|notifications|notifs|pings|messages",
    # who
    "MY": "my|mine|assigned to me|addressed to me|sent to me|me personally",
    "PLATE": """
        on my plate|on my desk|in my queue|in my court|in my inbox|my queue|my plate|my inbox
        on my list|my todo|my to do|my todo list|my to do list|need my attention
        needs my attention""",
    "ME": "me|us",
    "I": "i|we|im|i'm",
    # deeds
    "DECIDE": """
        approve|approves|approving|reject|rejects|rejecting|deny|denies|decline|declines|refuse
        accept|accepts|sign|okay it|authorise|authorize|grant|greenlight|sign it off|ok it""",
    "DECIDED": "decided|actioned|answered|handled",
    "NEED": "need|needs|needing|require|requires|must|should|have to|got to|gotta|supposed to",
    "ACT": """
        disable|enable|pause|resume|activate|deactivate|turn on|turn off|switch on|switch off
        start|trigger|kick off|launch|rerun|re run|restart|execute|retry|suspend|kill""",
    "FOLLOW": """
        follow|following|subscribe|subscribed|subscribing|notify|alert me|ping me|tell me when
        tell me if|let me know when|let me know if|let me know about|inform|warn|keep me posted
        let us know when|let us know if|tell us when|tell us if|alert us|ping us|keep us posted
        message me when|message me if|let me know of|keep me informed|sub to|tell me whenever
        alert this|alert the|alert everyone|alert when|alert if|ping this|telling me|notifying
        alerting me|pinging|posting|watch
        turn on alerts|switch on alerts|turn on notifications|start sending|send alerts
        send me alerts
        post here when|heads up when|shout when|shout if""",
    "UNFOLLOW": """
        unfollow|unsubscribe|mute|silence|unsub|unwatch|shut up about|turn off alerts
        switch off alerts|turn off notifications|no more alerts|no more notifications|stop alerts
        no longer follow|quit following|stop sending|quit alerting|no more|enough about|enough of
        disable alerts|disable notifications|stop notifications|hush about""",
    "STOP": "stop|cease|quit|do not|cancel|end",
    "NOT": """
        not|didn't|didnt|don't|dont|doesn't|doesnt|isn't|isnt|aren't|arent|wasn't|wasnt|weren't
        werent|haven't|havent|hasn't|hasnt|never|cannot|can't|cant|won't|couldn't|couldnt|non
        ain't|aint|nt""",
    "EXCEPT": "except|excluding|apart from|other than|without|but not|except for|bar",
    "SHOW": """
        show|list|give|gimme|display|see|view|get|fetch|pull|find|bring|check|shw|lemme see
        let me see|pull up|bring up|print|read out|dig out|search|hit me with|where are
        where's""",
    "ABOUT": """
        about|details|detail|info|information|describe|tell|explain|what does|what is|what's|whats
        who is|who's|how|how's|hows|whos|summary of|summarise|summarize|steps|logs|log|trace|why
        reason""",
    "HELP": """
        help|commands|command|menu|usage|what can you do|what do you do|what can i do|how to
        what can i ask|what can i say|what can i type|how do i use|how do you work
        how does this work
        what are you|who are you|what you can do|what can u do|halp|options|instructions|manual
        what are my options|examples|how do i use this|getting started|what else can you do
        what are you for|how can you help|how does it work|what should i type|what do i type
        show me around|how do i use you|capabilities|what do you know""",
    "HELLO": """
        hi|hello|hey|yo|hiya|howdy|good morning|good afternoon|good evening|morning all|greetings
        sup|heya|hullo|helo|hallo|gday|g'day|hi there|hey there|evening all|hello there
        good day""",
    "HEALTH": """
        status|health|overview|dashboard|sitrep|health check|healthcheck|situation|big picture
        state of play|state of things|uptime|statuses|state of affairs|at a glance|lay of the land
        state|rundown|how are we doing|how we doing|how goes it|vitals|pulse|what's going on
        whats going on|what is going on|what's the state|how's it going|hows it going""",
    "THINGS": "things|everything|everythin|all|it|stuff|evrything|systems|operations|ops|thing",
    "ANY": "any|anything|something|anythin|nething|nothing|what|wat|wot|which|who|whatever",
    "ONE": "one|ones",
    # times
    "TODAY": "today|tdy|2day|todays|today's|all day|so far today|2dy",
    "YESTERDAY": """
        yesterday|yday|yesterdays|yesterday's|ystd|yest|yesturday|ytd|the previous day|y'day""",
    "EREYESTERDAY": "day before yesterday",
    "OVERNIGHT": """
        overnight|over night|last night|last nite|lastnight|last nights|last night's
        during the night""",
    "TONIGHT": "tonight|tonite|this evening",
    "DAYPART": "morning|afternoon|evening|night|mornin|arvo|am hours",
    "WEEKEND": "weekend|wkend|weekends|week end|wknd|weekend's",
    "THIS": "this|current|dis|thsi|the current",
    "LAST": "last|previous|prev|lst|latst",
    "PAST": "past|trailing|preceding|pst",
    "LATEST": "latest|most recent|newest|recent|very last|lastest|freshest|most recently",
    "FIRST": "top|first|max|limit|only|just|up to|maximum|at most|no more than",
    "UNIT": """
        minute|minutes|min|mins|hour|hours|hr|hrs|day|days|week|weeks|wk|wks|month|months|mth|mths
        year|years|yr|yrs|hours'|days'|weeks'|hour's|week's|weeks's|month's|year's|day's""",
    "FEW": "few|couple|couple of|several|handful",
    "HALF": "half|half an|half a",
    "AGO": "ago|back",
    "SINCE": """
        since|sinse|sicne|snce|after|starting|as of|ever since|from after|sins|sinc|beginning""",
    "UNTIL": "until|till|untill|up until|up till|through|thru",
    "BEFORE": "before|older than|prior to|earlier than|b4|ahead of",
    "BETWEEN": "between|betwen|btw|in between",
    "ONWARDS": "onwards|onward|forward|forwards",
    "MOMENT": "noon|midday|midnight",
    "WEEKDAY": """
        monday|mon|mondays|monday's|tuesday|tue|tues|tuesday's|wednesday|wed|weds|wednesday's
        thursday|thu|thur|thurs|thursday's|friday|fri|friday's|saturday|sat|saturday's|sunday|sun
        sunday's|tuesdays|wednesdays|thursdays|fridays|saturdays|sundays""",
    "MONTH": """
        january|jan|february|feb|march|mar|april|apr|june|jun|july|jul|august|aug|september|sept
        sep|october|oct|november|nov|december|dec""",
    "MAY": "may",
    "NUMERAL": "two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|twenty|thirty",
    # small words that hold phrases together
    "FOR": "for|fr",
    "ON": "on",
    "IN": "in|during|over|within|across|at|around|throughout",
    "TO": "to|and",
    "FROM": "from|frm",
    "OF": "of|by|with|off of|regarding|re|concerning|called|named",
    "BE": "is|are|was|were|be|been|being|am|has|have|had|does|do|r|got|having|gets|doing"
    "|going|looking|look|go|goes|gone|seem|seems|keeping|working",
    "DID": "did",
    "PRODUCT": "neo|neoagent|system|service|platform|you|u",
    "NOISE": """
        the|a|an|please|pls|plz|plez|kindly|can|could|would|will|thx|still|yet|now|right now
        at the moment|currently|so far|there|that|those|these|them|then|just now|again|also
        too|really|actually|though|quick|quickly|guys|folks|mate|dude|man|bro|team|lol|omg|hmm|hm
        um|uh|er|oh|ah|ok so|okay so|so|but|or|out|some|every|each|whole|entire|good job|great job
        nice job|list of|kind of
        sort of|sorta|new|total|overall|full|complete list|many|much|lot|lots|how many|number of
        count|count of|how much|asap|urgent|urgently|real quick|like|want|wanna|wants|i'd|i'll
        let's|lets|let|know|say|says|said|when|where|while|your|our|ours|its|it's|their|his|her
        they|he|she|someone|anyone|anybody|somebody|everyone|people|person|users|user|client
        clients|customer|customers|company|other|another|else|if|because|as|than|more|most|less
        bit|way|wht|waht|teh|hte|da|dat|ya|yeah|yes|yep|nope|nah|cheers|ta|type|kinds|kind|name
        via|per|using|use|used|made|make|making|take|put|come|came|comes|try|tried|trying
        interested|interest|wondering|wonder|curious|possible|possibly|maybe|perhaps|sure|far
        ended|ends|result|results|resulted|report|reports|data|anymore|any more|already
        previously|recently|lately|both|either|neither|be able|would like|able""",
}

ABBREVIATIONS: dict[str, str] = {
    "pw": "password",
    "pwd": "password",
    "pass": "password",
    "pword": "password",
    "psw": "password",
    "lic": "license",
    "licence": "license",
    "esc": "escalation",
    "onb": "onboarding",
    "offb": "offboarding",
    "2fa": "mfa",
    "ptr": "printer",
    "mgmt": "management",
    "bkp": "backup",
    "bkup": "backup",
    "acct": "account",
    "sec": "security",
    "cert": "certificate",
    "notif": "notification",
    "auth": "authentication",
    "svc": "service",
    "svr": "server",
    "upd": "update",
}
"""What hurried people write for a word of an agent's name."""

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
NUMERALS: dict[str, int] = {
    "one": 1,
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
    "seven": 7,
    "eight": 8,
    "nine": 9,
    "ten": 10,
    "eleven": 11,
    "twelve": 12,
    "fifteen": 15,
    "twenty": 20,
    "thirty": 30,
    "couple": 2,
    "few": 3,
    "several": 5,
    "handful": 5,
}
UNITS: dict[str, str] = {
    "m": "minute",
    "min": "minute",
    "h": "hour",
    "hr": "hour",
    "d": "day",
    "w": "week",
    "wk": "week",
    "mth": "month",
    "mo": "month",
    "yr": "year",
    "y": "year",
}
"""Short forms of the units; the long ones are their own singular."""
