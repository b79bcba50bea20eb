package searchtest

// actions are what skills do.
var actions = []concept{
	{"summarize", "condense", "give an overview of", "boil down"}, {"compare", "contrast", "set side by side"},
	{"plot", "chart", "draw a graph of", "visualize"}, {"extract", "pull out", "parse", "get the contents of"},
	{"translate", "localize", "put into another language"}, {"classify", "categorize", "label", "sort into groups"},
	{"deduplicate", "remove duplicates from", "merge repeated"}, {"validate", "check", "verify the correctness of", "audit"},
	{"convert", "transform", "turn into another format", "reformat"}, {"forecast", "predict", "project the future of", "estimate"},
	{"monitor", "watch", "track changes of", "keep an eye on"}, {"anonymize", "redact personal data in", "mask names in"},
	{"clean", "tidy up", "repair", "fix broken"}, {"search", "look up", "find information on"}, {"rank", "order by importance", "prioritize"},
	{"schedule", "plan dates for", "set up a calendar of"}, {"calculate statistics of", "compute averages of", "work out the numbers of"},
	{"transcribe", "write down", "turn speech into text for"}, {"archive", "back up", "store a copy of"},
	{"detect anomalies in", "spot outliers in", "find unusual"}, {"group", "cluster", "bundle similar"}, {"download", "fetch", "retrieve", "scrape"},
	{"notify about", "send alerts on", "email about"}, {"draft", "write", "compose", "prepare"},
}

// objects are what they do it with.
var objects = []concept{
	{"invoices", "bills", "payment requests"}, {"receipts", "proofs of purchase", "till slips"}, {"contracts", "agreements", "legal documents"},
	{"resumes", "CVs", "job applications"}, {"emails", "mail messages", "inbox messages"}, {"podcast episodes", "audio shows", "recorded talks"},
	{"lecture videos", "course recordings", "class videos"}, {"news articles", "press reports", "headlines"},
	{"research papers", "scientific articles", "publications"}, {"patents", "patent filings", "inventions"},
	{"stock prices", "share prices", "equity quotes"}, {"exchange rates", "currency rates", "forex quotes"},
	{"cryptocurrency prices", "bitcoin quotes", "coin prices"}, {"weather data", "meteorological records", "temperature readings"},
	{"air quality data", "pollution measurements", "smog levels"}, {"flight prices", "airfares", "plane tickets"},
	{"hotel offers", "accommodation deals", "room rates"}, {"train timetables", "railway schedules", "train connections"},
	{"recipes", "cooking instructions", "dishes"}, {"restaurant menus", "meal cards", "food lists"},
	{"product reviews", "customer opinions", "buyer feedback"}, {"support tickets", "help desk requests", "customer complaints"},
	{"survey answers", "questionnaire responses", "poll results"}, {"tweets", "social media posts", "microblog messages"},
	{"forum threads", "discussion boards", "online discussions"}, {"server logs", "log files", "system messages"},
	{"crash reports", "stack traces", "error dumps"}, {"git commits", "code changes", "version history"},
	{"pull requests", "merge requests", "code reviews"}, {"software dependencies", "package versions", "libraries in use"},
	{"database schemas", "table definitions", "data models"}, {"SQL queries", "database statements"},
	{"spreadsheets", "Excel workbooks", "tables of figures"}, {"CSV exports", "comma separated files", "delimited data"},
	{"JSON documents", "API responses", "structured records"}, {"PDF forms", "fillable documents", "application forms"},
	{"scanned pages", "page images", "photographed documents"}, {"photos", "pictures", "snapshots"},
	{"satellite images", "aerial photographs", "earth observation data"}, {"floor plans", "building layouts", "architectural drawings"},
	{"medical records", "patient files", "health histories"}, {"lab results", "blood tests", "test values"},
	{"prescriptions", "medication orders", "drug lists"}, {"clinical trials", "medical studies", "treatment experiments"},
	{"genome sequences", "DNA data", "genetic variants"}, {"tax returns", "tax declarations", "revenue filings"},
	{"payrolls", "salary slips", "wage statements"}, {"bank statements", "account transactions", "bookings"},
	{"budgets", "spending plans", "cost estimates"}, {"insurance claims", "damage reports", "loss notifications"},
	{"real estate listings", "property offers", "homes for sale"}, {"rental agreements", "leases", "tenancy papers"},
	{"court rulings", "judgments", "case law"}, {"laws", "statutes", "regulations"}, {"meeting minutes", "meeting notes", "protocols of talks"},
	{"calendar events", "appointments", "dates"}, {"to-do lists", "tasks to be done", "action items"}, {"slide decks", "presentations", "talk slides"},
	{"ebooks", "novels", "digital books"}, {"poems", "verses", "lyrics"}, {"song playlists", "music collections", "track lists"},
	{"movie ratings", "film scores", "cinema reviews"}, {"video game scores", "player statistics", "gaming results"},
	{"sports results", "match scores", "league tables"}, {"marathon times", "race results", "running records"},
	{"census data", "population figures", "demographic numbers"}, {"election results", "vote counts", "ballots"},
	{"unemployment figures", "jobless numbers", "labour market data"}, {"energy consumption", "electricity usage", "power demand"},
	{"solar output", "photovoltaic yield", "sun power production"}, {"traffic counts", "road congestion", "vehicle flows"},
	{"parking data", "parking space occupancy", "car park usage"}, {"bike rentals", "bicycle hire data", "cycle sharing trips"},
	{"shipping manifests", "freight lists", "cargo papers"}, {"delivery routes", "courier tours", "parcel trips"},
	{"warehouse stock", "inventory levels", "goods on hand"}, {"purchase orders", "procurement requests", "orders to suppliers"},
	{"sales leads", "prospects", "potential customers"}, {"marketing campaigns", "advertising measures", "ads"},
	{"newsletters", "mailings", "subscriber letters"}, {"web forms", "online questionnaires", "input masks"},
	{"sitemaps", "page hierarchies", "site structures"}, {"domain names", "web addresses", "URLs"},
	{"SSL certificates", "TLS keys", "encryption certificates"}, {"firewall rules", "network policies", "access lists"},
	{"IoT sensor readings", "device telemetry", "machine measurements"}, {"vibration signals", "oscillation data", "shaking of machines"},
	{"maintenance logs", "service records", "repair histories"}, {"chemical formulas", "molecules", "compounds"},
	{"crystal structures", "lattice data", "mineral forms"}, {"star catalogs", "astronomical objects", "telescope data"},
	{"earthquake records", "seismic events", "tremors"}, {"river levels", "water gauges", "flood readings"},
	{"crop yields", "harvest amounts", "farm output"}, {"soil samples", "ground analyses", "earth probes"},
	{"plant photos", "pictures of flowers", "botanical images"}, {"bird calls", "birdsong recordings", "animal sounds"},
	{"species lists", "biodiversity records", "wildlife sightings"}, {"museum exhibits", "artworks", "paintings"},
	{"old letters", "historical correspondence", "archive papers"}, {"family trees", "genealogies", "ancestor tables"},
	{"dictionary entries", "word definitions", "vocabulary"}, {"grammar mistakes", "language errors", "spelling problems"},
	{"math problems", "equations", "algebra exercises"}, {"quiz questions", "exam tasks", "test items"},
	{"student essays", "homework texts", "school papers"}, {"course grades", "marks", "school results"},
	{"grant applications", "funding proposals", "requests for money"}, {"donations", "charity gifts", "contributions"},
	{"visa rules", "immigration requirements", "entry conditions"}, {"phone calls", "call recordings", "telephone conversations"},
	{"chat conversations", "messenger dialogs", "instant messages"}, {"subtitles", "captions", "film texts"},
	{"voice memos", "dictations", "spoken notes"}, {"street maps", "geographic data", "city plans"},
	{"nutrition facts", "calorie tables", "food values"}, {"workout plans", "training programs", "exercise routines"},
	{"knitting patterns", "sewing instructions", "needlework guides"}, {"board game rules", "card game instructions"},
	{"bug reports", "defect tickets", "software issues"},
}

// circumstances are how, for whom and in which form.
var circumstances = []concept{
	{"by country", "per nation", "for each state"}, {"by month", "monthly", "for every month"},
	{"over the last ten years", "in the past decade", "since ten years ago"}, {"in real time", "live", "as they come in"},
	{"for beginners", "in simple words", "for laypeople"}, {"with charts", "with diagrams", "with figures"},
	{"as a spreadsheet", "in Excel form", "as a table"}, {"as a PDF report", "as a printable document"},
	{"for a small business", "for a tiny company", "for a startup"}, {"for a school", "for pupils and teachers", "for education"},
	{"across several languages", "in many languages", "multilingual"}, {"with a budget limit", "without spending too much", "at low cost"},
	{"from a folder of files", "out of a directory", "in bulk"}, {"on a weekly basis", "each week", "every seven days"},
	{"with confidence intervals", "with error bars", "with uncertainty"},
}

// sources are where that comes from.
var sources = []concept{
	{"from a website", "off the web", "on the internet"},
	{"from Google Drive", "in a shared drive", "out of cloud storage"},
	{"from a database", "out of a data warehouse", "in SQL tables"},
	{"from an email inbox", "in a mailbox", "out of mail attachments"},
	{"from a GitHub repository", "in a git repo", "out of source control"},
	{"from PDF files", "in PDFs", "out of scanned papers"},
	{"from a spreadsheet", "in Excel sheets", "out of CSV tables"},
	{"from a REST API", "over a web service", "through an HTTP interface"},
	{"from a local folder", "in a directory", "out of files on disk"},
	{"from a zip archive", "in compressed files", "out of a tarball"},
	{"from Wikipedia", "in an online encyclopedia", "out of reference works"},
	{"from an RSS feed", "in syndicated feeds", "out of a news stream"},
	{"from Slack channels", "in team chats", "out of messenger groups"},
	{"from government portals", "in open data catalogs", "out of official statistics"},
	{"from YouTube", "in online videos", "out of a video platform"},
	{"from a customer system", "in the CRM", "out of Salesforce"},
	{"from the accounting software", "in the ledger", "out of the books"},
	{"from phone recordings", "in audio files", "out of MP3s"},
}

// The marks ①②③④ stand for an action, an object, a source and a circumstance.
var (
	purposes = []string{
		"Tools to ① ② ③ ④.",
		"① ② ③, ④.",
		"Helps to ① ② ③ and writes the result ④ to a file.",
		"Given ② ③, it will ① them ④ and report what it found.",
		"An assistant that is asked to ① ② ④ and finds them ③; returns Markdown.",
	}
	occasions = []string{
		"Use it when someone wants to ① ② ④.",
		"Use it for tasks about ② ③.",
		"Made for questions like: ① my ② ④.",
		"Good when ② are to be had ③ and somebody has to ① them.",
	}
	interfaces = []string{
		"The query names the input and says what is wanted. Example: ① my ② ③.",
		"query: plain text with a path or a link to the ②. Answer: Markdown.",
		"main(query): the query holds the ② or says where they are, and options such as ④.",
	}
	tasks = []string{
		"Please ① the ② ③ ④",
		"I need someone to ① ② ③, ④, and save the result",
		"Can you ① these ② for me, ④? They are ③.",
		"① ② ③ ④",
		"My boss wants me to ① our ② ④ until tomorrow. You find them ③; do it and show me the output",
		"Take the ② ③ and ① them ④. Write everything to result.md",
		"How can I ① ② ④? Do it for what is ③",
	}
)
