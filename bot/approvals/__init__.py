"""Approvals: found in Neo, shown to those who were asked, decided once by one of them."""
