"""The words of the miniature English, as lists that `world` turns into concepts."""

from __future__ import annotations

# Names of one concept are parted by "|"; the first also serves as its key.
TAXONOMY: dict[str, dict[str, str]] = {
    "person|human|individual": {
        "artisan|craftsman": "baker|breadmaker carpenter|woodworker|joiner tailor|dressmaker "
        "potter|ceramist blacksmith|ironworker",
        "healer|medic": "doctor|physician nurse|caregiver dentist|orthodontist "
        "pharmacist|chemist|druggist",
        "scholar|academic": "teacher|instructor|tutor student|pupil professor|lecturer "
        "scientist|researcher",
        "official|officer": "policeman|constable judge|magistrate soldier|trooper "
        "guard|sentry|watchman mayor|alderman",
        "performer|entertainer": "singer|vocalist dancer|ballerina actor|thespian "
        "clown|jester drummer|percussionist",
        "child|kid|youngster": "boy|lad girl|lass baby|infant|newborn",
    },
    "animal|creature|beast": {
        "pet|companion": "dog|hound cat|feline rabbit|bunny|hare hamster|gerbil",
        "predator|carnivore": "wolf|coyote bear|grizzly tiger|panther fox|vixen lion|lioness",
        "grazer|herbivore": "horse|steed|mare cow|heifer sheep|ewe donkey|mule goat",
        "bird|fowl": "chicken|hen|rooster crow|raven duck|mallard parrot|macaw pigeon|dove",
        "reptile": "snake|serpent turtle|tortoise lizard|gecko crocodile|alligator",
    },
    "object|item|article": {
        "vehicle|conveyance": "car|automobile bicycle|bike boat|ship|vessel truck|lorry cart|wagon",
        "tool|implement": "hammer|mallet knife|dagger shovel|spade broom|besom axe|hatchet",
        "container|holder": "bag|sack bottle|flask basket|hamper box|crate|carton bucket|pail",
        "garment": "coat|jacket|parka hat|cap scarf|shawl shoe|boot shirt|blouse",
        "furnishing": "chair|stool table|desk lamp|lantern carpet|rug couch|sofa",
        "instrument": "violin|fiddle flute|piccolo trumpet|bugle piano|pianoforte",
    },
}

# Who may act (P person, A animal), who or what may undergo it (T thing), then two actions that
# exclude each other, each as its family and its verbs.
ACTIONS = """
PA PA kindness help|assist|aid / cruelty hinder|obstruct|impede
PA PA kindness protect|defend|shield / cruelty attack|assault|ambush
PA PA kindness feed|nourish / cruelty starve|underfeed
PA PA kindness heal|cure / cruelty injure|wound|harm
PA PA kindness comfort|console|soothe / cruelty frighten|scare|terrify
PA PA kindness rescue|save / cruelty abandon|desert|forsake
PA PA kindness release|free|liberate / cruelty capture|catch|seize
PA PA contempt chase|pursue|hunt / contempt avoid|evade|shun
P P kindness forgive|pardon|excuse / cruelty punish|penalize
P P respect praise|compliment|applaud / contempt criticize|scold|blame
P P respect honor|salute / contempt insult|offend
PA PA respect greet|welcome / contempt ignore|neglect|snub
PA PA respect love|adore|cherish / contempt hate|despise|loathe
P P respect admire|respect|esteem / contempt mock|ridicule|tease
PA PA respect trust|believe / contempt doubt|suspect|distrust
PA PA respect amuse|entertain|delight / contempt bore|weary|tire
PA PA respect obey|heed / contempt defy|disobey
P P business hire|employ|recruit / business dismiss|discharge
P P respect encourage|inspire / contempt discourage|dishearten
P T business buy|purchase|acquire / business sell|auction
P T business lend|loan / business borrow|rent
P T upkeep repair|fix|mend / damage break|damage|wreck
P T upkeep clean|wash|scrub / damage soil|dirty|stain
P T upkeep build|construct|assemble / damage destroy|demolish|dismantle
PA T possession find|discover|locate / possession lose|misplace|mislay
P T possession hide|conceal / possession reveal|display|expose
P T possession keep|retain / damage discard|dump
P T possession steal|swipe / possession return|restore
P T transport lift|raise|hoist / transport drop|lower
PA T transport push|shove / transport pull|drag|tug
"""

# Base form to past and participle, where the rules of `world.inflect` do not hold.
IRREGULAR = {
    "feed": ("fed", "fed"), "underfeed": ("underfed", "underfed"),
    "forsake": ("forsook", "forsaken"), "catch": ("caught", "caught"),
    "shun": ("shunned", "shunned"), "forgive": ("forgave", "forgiven"), "lend": ("lent", "lent"),
    "buy": ("bought", "bought"), "sell": ("sold", "sold"), "break": ("broke", "broken"),
    "build": ("built", "built"), "find": ("found", "found"), "lose": ("lost", "lost"),
    "mislay": ("mislaid", "mislaid"), "hide": ("hid", "hidden"), "keep": ("kept", "kept"),
    "steal": ("stole", "stolen"), "drop": ("dropped", "dropped"), "drag": ("dragged", "dragged"),
    "tug": ("tugged", "tugged"), "snub": ("snubbed", "snubbed"),
}  # fmt: skip

# Domain of a trait, who can have it, and its values; "/" joins two that exclude each other.
TRAITS = """
temper PA happy|cheerful|joyful / sad|gloomy|unhappy
temper PA angry|furious|irate / calm|peaceful|placid
temper PA brave|bold|courageous / timid|cowardly|fearful
temper PA clever|smart|wise / foolish|silly|stupid
temper PA lazy|idle|sluggish / busy|diligent
size PAT big|large|huge / small|little|tiny
age PA old|elderly|aged / young|youthful
price T cheap|inexpensive / costly|expensive|pricey
weight T heavy|weighty / light|lightweight
"""
COLOURS = "red|crimson|scarlet blue|azure green|emerald yellow|golden black|ebony white|ivory"
MATERIALS = "wooden|timber metal|steel|iron leather|suede glass|crystal"

PLACES = {
    "outdoors|outside": "in the forest|in the woods;in the park|in the garden;on the beach|on the "
    "shore;beside the river|beside the stream;on the mountain|on the hill;on the street|on the "
    "road;in the market|in the bazaar;in the field|in the meadow;at the harbor|at the port",
    "indoors|inside": "in the kitchen|in the galley;in the hospital|in the clinic;at the school|at "
    "the academy;in the castle|in the palace;in the barn|in the stable;in the church|in the chapel;"
    "in the museum|in the gallery;in the shop|in the store;in the cellar|in the basement",
}
TIMES = {
    "daytime": "in the morning|at dawn|at sunrise;at noon|at midday|at lunchtime;in the evening|"
    "at dusk|at sunset;at night|at midnight|after dark",
    "season": "in winter|in the cold season;in summer|in the hot season;in autumn|in the harvest "
    "season;in spring|in the planting season",
}
MANNERS = """
quickly|rapidly|swiftly / slowly|unhurriedly
quietly|silently / loudly|noisily
carefully|cautiously / carelessly|recklessly
gladly|willingly|eagerly / reluctantly|unwillingly
secretly|covertly / openly|publicly
"""
