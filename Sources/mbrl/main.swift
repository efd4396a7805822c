print("mbrl")
